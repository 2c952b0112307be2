/** The first screen: where everything is, and a signed delivery to paste. */
import { randomBytes } from 'node:crypto';
import { signBuiltIn } from '@lyftr/sources/open';

export interface Welcome {
  /** As a person would type it, without a closing slash. */
  url: string;
  dataDir: string;
  secret: string;
  /** Where the secret is kept when it is one of our making; undefined when the environment gave it. */
  secretFile: string | undefined;
  apiToken: string | undefined;
}

/** One word for a POSIX shell, whatever it holds. */
export function shellQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The address that clients on this machine use; a wildcard is no address to connect to. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

export function displayHost(host: string): string {
  return ['127.0.0.1', '::1', '0.0.0.0', '::'].includes(host) ? 'localhost' : reachableHost(host);
}

/** Two commands that work as they are: a delivery with its signature, and the search that finds it. */
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
    '  Ctrl-C drains and ends.',
    '',
    '',
  ].join('\n');
}
