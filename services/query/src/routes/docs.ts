/** `GET /docs`: Swagger UI for `GET /openapi.json`. Its files are served from this origin. */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RequestHandler, Response } from 'express';
import { ProblemError } from '@lyftr/shared/errors';
import { openApiDocument } from './openapi.js';

const OWN = fileURLToPath(new URL('../../public', import.meta.url));
const SWAGGER_UI = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

/** The directory of each file that a page may load. No other file of these directories is served. */
const ASSETS = new Map([
  ['docs.js', OWN],
  ['runbook.css', OWN],
  ['swagger-ui.css', SWAGGER_UI],
  ['swagger-ui-bundle.js', SWAGGER_UI],
  ['favicon-32x32.png', SWAGGER_UI],
]);

export const DOCS_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
};

/**
 * Passes the directory as `root`. Otherwise a dot anywhere in the installation path would make it a hidden file.
 * Sends no Last-Modified, because npm gives every version of a package the same date, and a browser would keep an old
 * file.
 */
function sendAsset(res: Response, file: string, root: string): void {
  res.set(DOCS_HEADERS).sendFile(file, { root, cacheControl: false, lastModified: false });
}

export function docsPage(): RequestHandler {
  return (_req, res) => {
    sendAsset(res, 'docs.html', OWN);
  };
}

export function docsAsset(): RequestHandler<{ file: string }> {
  return (req, res) => {
    const root = ASSETS.get(req.params.file);
    if (root === undefined) throw new ProblemError('not-found');
    sendAsset(res, req.params.file, root);
  };
}

export function openApi(): RequestHandler {
  const document = JSON.stringify(openApiDocument());
  return (_req, res) => {
    res.type('application/json').send(document);
  };
}
