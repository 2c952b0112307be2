/** What a sender may have signed, or what may have changed on the way. */
import { isAscii } from 'node:buffer';
import type { Headers } from '@lyftr/sources/source';

const NEWLINES = ['\r\n', '\n'] as const;

/** The body without its final line break, and with one more. */
export function* finalNewlines(body: Buffer): Generator<Buffer> {
  for (const newline of NEWLINES) {
    if (body.subarray(-newline.length).equals(Buffer.from(newline))) yield body.subarray(0, -newline.length);
    yield Buffer.concat([body, Buffer.from(newline)]);
  }
}

/** JSON as `JSON.stringify` writes it. */
export function* reserialized(body: Buffer): Generator<Buffer> {
  try {
    yield Buffer.from(JSON.stringify(JSON.parse(body.toString('utf8'))));
  } catch {
    // it is not JSON
  }
}

/** The body as it is when UTF-8 was taken for latin1, or the other way round. */
export function* characterSets(body: Buffer): Generator<Buffer> {
  if (isAscii(body)) return;
  yield Buffer.from(body.toString('latin1'), 'utf8');
  yield Buffer.from(body.toString('utf8'), 'latin1');
}

const HEX_DIGEST = /\b(?:[0-9a-f]{128}|[0-9a-f]{64}|[0-9a-f]{40})\b/gi;
/** Both alphabets, padded or not. */
const BASE64_DIGEST = /[A-Za-z0-9+/_-]{27,88}={0,2}/g;
/** SHA-1, SHA-256, SHA-512 and Ed25519. */
const DIGEST_BYTES = [20, 32, 64];

function base64Digests(value: string, encode: (bytes: Buffer) => string): string {
  return value.replace(BASE64_DIGEST, (text) => {
    const bytes = Buffer.from(text, 'base64');
    return DIGEST_BYTES.includes(bytes.length) ? encode(bytes) : text;
  });
}

const RECODINGS: ((value: string) => string)[] = [
  (value) => value.replace(HEX_DIGEST, (text) => Buffer.from(text, 'hex').toString('base64')),
  (value) => base64Digests(value, (bytes) => bytes.toString('hex')),
  (value) => base64Digests(value, (bytes) => bytes.toString('base64')),
];

/** The headers with the signatures in them written in another encoding. */
export function encodings(headers: Headers, names: readonly string[]): Headers[] {
  return RECODINGS.map((recode) => {
    const recoded = names.map((name) => {
      const value = headers[name];
      return [name, typeof value === 'string' ? recode(value) : value] as const;
    });
    return { ...headers, ...Object.fromEntries(recoded) };
  }).filter((changed) => names.some((name) => changed[name] !== headers[name]));
}

const ADDRESS = /^https?:\/\/([^/?#]+)([^?#]*)/;
const DEFAULT_PORT = { http: '80', https: '443' } as const;

/**
 * The address with another scheme, with and without a port, with and without a slash at its end, and as the request has
 * it in its Host.
 */
export function addresses(url: string, host: string | undefined, requestUrl: string): string[] {
  const [, ownHost = '', path = ''] = ADDRESS.exec(url) ?? [];
  const name = ownHost.replace(/:\d+$/, '');
  const bare = path.replace(/\/$/, '');
  const found = (['https', 'http'] as const).flatMap((scheme) => [
    ...[ownHost, name, `${name}:${DEFAULT_PORT[scheme]}`].flatMap((each) =>
      [bare, `${bare}/`].map((end) => `${scheme}://${each}${end}`),
    ),
    ...(host === undefined ? [] : [`${scheme}://${host}${requestUrl.replace(/\?.*$/s, '')}`]),
  ]);
  return [...new Set(found)];
}

/** Path and query, and the path alone. */
export function queries(requestUrl: string): string[] {
  const start = requestUrl.indexOf('?');
  return start === -1 ? [requestUrl] : [requestUrl, requestUrl.slice(0, start)];
}
