/** The files of the console and of uPlot. They contain no messages, so they need no token. */
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RequestHandler, Response } from 'express';
import { ProblemError } from '@lyftr/shared/errors';

export const PUBLIC = fileURLToPath(new URL('../../public/console', import.meta.url));
const UPLOT = join(dirname(createRequire(import.meta.url).resolve('uplot/package.json')), 'dist');

/** The directory of each file that a page may load. Pages have their own routes. */
const ASSETS = new Map([
  ...readdirSync(PUBLIC)
    .filter((file) => !file.endsWith('.html'))
    .map((file) => [file, PUBLIC] as const),
  ['uPlot.iife.min.js', UPLOT],
  ['uPlot.min.css', UPLOT],
]);

/** Allows scripts and styles only from this origin, and no other site may embed the page. */
export const PAGE_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
};

/** Passes the directory as `root` for the reasons given in docs.ts. */
function send(res: Response, file: string, root: string): void {
  res.set(PAGE_HEADERS).sendFile(file, { root, cacheControl: false, lastModified: false });
}

export function page(file: string): RequestHandler {
  return (_req, res) => send(res, file, PUBLIC);
}

export function asset(): RequestHandler<{ file: string }> {
  return (req, res) => {
    const root = ASSETS.get(req.params.file);
    if (root === undefined) throw new ProblemError('not-found');
    send(res, req.params.file, root);
  };
}
