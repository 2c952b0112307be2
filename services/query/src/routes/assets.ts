/** The console's files, and uPlot's: plain code without a message in it, so they need no token. */
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RequestHandler, Response } from 'express';
import { ProblemError } from '@lyftr/shared/errors';

export const PUBLIC = fileURLToPath(new URL('../../public/console', import.meta.url));
const UPLOT = join(dirname(createRequire(import.meta.url).resolve('uplot/package.json')), 'dist');

/** Directory of each file that a page may load; pages themselves have routes of their own. */
const ASSETS = new Map([
  ...readdirSync(PUBLIC)
    .filter((file) => !file.endsWith('.html'))
    .map((file) => [file, PUBLIC] as const),
  ['uPlot.iife.min.js', UPLOT],
  ['uPlot.min.css', UPLOT],
]);

/** Scripts and styles from here alone, and no page of another site around this one. */
export const PAGE_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
};

/** As `root` for the reasons that docs.ts has. */
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
