/** The first screen: the addresses, and a signed delivery to paste. */
import { randomBytes } from 'node:crypto';
import { signBuiltIn } from '@lyftr/sources/open';

export interface Welcome {
  /** The URL without a trailing slash. */
  url: string;
  dataDir: string;
  secret: string;
  /** The file of a secret that we created. Undefined when the secret is from the environment. */
  secretFile: string | undefined;
  apiToken: string | undefined;
}

/** Quotes any text as one word of a POSIX shell. */
export function shellQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The address for clients on this machine. A client cannot connect to a wildcard address. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

export function displayHost(host: string): string {
  return ['127.0.0.1', '::1', '0.0.0.0', '::'].includes(host) ? 'localhost' : reachableHost(host);
}

/** Two commands to paste: a delivery with its signature, and the search that finds it. */
export function commands(welcome: Welcome, nowSeconds: number): string[] {
  const { url, secret, apiToken } = welcome;
  const body = JSON.stringify({
    message_id: `hello-${randomBytes(4).toString('hex')}`,
    from: '100',
    to: '200',
    ts: nowSeconds,
    text: 'hello',
  });
  const signature = Object.entries(signBuiltIn(body, secret)).map(
    ([name, value]) => `-H '${name}: ${value}'`,
  );
  const token = apiToken === undefined ? '' : ` -H ${shellQuote(`Authorization: Bearer ${apiToken}`)}`;
  return [
    `curl -X POST ${shellQuote(`${url}/webhook`)} -H 'Content-Type: application/json' \\\n` +
      `    ${signature.join(' ')} \\\n` +
      `    -d ${shellQuote(body)}`,
    `curl${token} ${shellQuote(`${url}/messages?q=hello`)}`,
  ];
}

export function firstScreen(welcome: Welcome, bold: (text: string) => string, nowSeconds: number): string {
  const { url, dataDir, secret, secretFile } = welcome;
  const rows: [string, string][] = [
    ['console', `${url}/`],
    ['messages', `${url}/messages`],
    ['stats', `${url}/stats`],
    ['metrics', `${url}/metrics`],
    ['docs', `${url}/docs`],
    ['data', dataDir],
  ];
  if (secretFile !== undefined) rows.push(['secret', `${secret}  (kept in ${secretFile})`]);
  return [
    '',
    `  ${bold('Lyftr is ready')} at ${bold(url)}`,
    '',
    ...rows.map(([name, value]) => `  ${name.padEnd(9)} ${value}`),
    '',
    `  ${bold('Send a message, then find it:')}`,
    '',
    ...commands(welcome, nowSeconds).map((command) => `  ${command}\n`),
    '  Press Ctrl-C to drain and stop.',
    '',
    '',
  ].join('\n');
}
