/** `GET /docs/runbook`: docs/runbook.md as a page. Alerts link to its sections. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RequestHandler } from 'express';
import { Marked } from 'marked';
import { DOCS_HEADERS } from './docs.js';

const FILE = fileURLToPath(new URL('../../../../docs/runbook.md', import.meta.url));

/** The anchor of a heading, as GitHub generates it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');

function pageOf(markdown: string): string {
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth, text }) {
        return `<h${depth} id="${anchorOf(text)}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
    },
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lyftr runbook</title>
<link rel="stylesheet" href="/docs/runbook.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
</head>
<body>
${marked.parse(markdown, { async: false })}</body>
</html>
`;
}

export function runbook(): RequestHandler {
  const page = pageOf(readFileSync(FILE, 'utf8'));
  return (_req, res) => {
    res.set(DOCS_HEADERS).type('html').send(page);
  };
}
