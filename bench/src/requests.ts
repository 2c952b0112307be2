/** Pre-signed requests in files, so that the load generator only copies bytes. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { headerLines } from '@lyftr/cli/sender';
import { signed } from '@lyftr/test/system';

/** Bytes of every single body: ids, numbers and text are of fixed width. */
export const BODY_BYTES = 142;
const WORDS = ['order', 'hello', 'paid.', 'reply', 'thank', 'store', 'later', 'other', 'today', 'never'];

/** A body of BODY_BYTES; senders follow a power law, so that few send most. */
export function bodyOf(index: number): string {
  const sender = String(
    919_800_000_000 + Math.floor(((index * 2_654_435_761) % 1_000_003) ** 2 / 4e8),
  ).padStart(12, '0');
  const id = `msg-${String(index).padStart(9, '0')}`;
  const head = `{"message_id":"${id}","from":"${sender}","to":"14155550100","ts":${1_710_000_000 + (index >> 4)},"text":"`;
  const words = Array.from(
    { length: 8 },
    (_, i) => WORDS[(index * (i + 3) + (index >> i)) % WORDS.length],
  ).join(' ');
  return `${head}${words.slice(0, BODY_BYTES - head.length - 2).padEnd(BODY_BYTES - head.length - 2, '.')}"}`;
}

/** `more` are further header lines, each with its end. */
export function requestOf(path: string, body: string, more = ''): string {
  const signature = headerLines(signed(body)).join('');
  return (
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n${signature}${more}` +
    `Content-Length: ${body.length}\r\n\r\n${body}`
  );
}

export interface RequestFile {
  file: string;
  /** Every request has the same length, so that `wrk` reads it with one call. */
  bytesPerRequest: number;
}

/** `count` requests of `perRequest` messages each; numbering starts at `first`. */
export function writeRequests(
  dir: string,
  name: string,
  count: number,
  { first = 0, perRequest = 1, more = '' }: { first?: number; perRequest?: number; more?: string } = {},
): RequestFile {
  const file = join(dir, name);
  const fd = openSync(file, 'w');
  let bytesPerRequest = 0;
  let chunk: string[] = [];
  for (let i = 0; i < count; i++) {
    const from = first + i * perRequest;
    const bodies = Array.from({ length: perRequest }, (_, j) => bodyOf(from + j));
    const request =
      perRequest === 1
        ? requestOf('/webhook', bodies[0] as string, more)
        : requestOf('/webhook/batch', `[${bodies.join(',')}]`);
    bytesPerRequest = request.length;
    chunk.push(request);
    if (chunk.length >= 2_000 || i === count - 1) {
      writeSync(fd, chunk.join(''));
      chunk = [];
    }
  }
  closeSync(fd);
  return { file, bytesPerRequest };
}
