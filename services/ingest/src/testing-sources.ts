/** For tests: a source of every scheme, and requests as its provider sends them. */
import { openSigner, openSource } from '@lyftr/sources/open';
import type { SchemeName, Source, SourceSettings } from '@lyftr/sources/source';
import { bodyOf, keyOf, settingsOf, type Pair } from '@lyftr/sources/testing';
import { exchange } from './testing.js';

const HOUR_SECONDS = 3_600;
const HOUR_MS = HOUR_SECONDS * 1_000;

/** Named after its scheme. Times are accepted for an hour, so that a slow machine refuses nothing. */
export function senderOf(scheme: SchemeName, changes: Partial<SourceSettings> = {}): Source {
  return openSource({
    ...settingsOf(scheme),
    toleranceSeconds: HOUR_SECONDS,
    name: scheme,
    scheme,
    keys: [{ id: 'main', secret: keyOf(scheme).verifying }],
    ...changes,
  });
}

export interface Sent {
  method: string;
  target: string;
  headers: [name: string, value: string][];
  body: Buffer;
}

export interface SentChanges {
  body?: Buffer;
  pair?: Pair;
  nowMs?: number;
  name?: string;
  query?: string;
  contentType?: string;
}

/** More than a scheme accepts. */
export const longAgo = (): number => Date.now() - 2 * HOUR_MS;

/** JSON that `JSON.stringify` would write otherwise. */
const jsonOf = (scheme: SchemeName, nowMs: number): Buffer =>
  scheme === 'linear' ? Buffer.from(`{"action": "create", "webhookTimestamp": ${nowMs}}`) : bodyOf(scheme);

/** A request that the provider signs. */
export function signedBy(scheme: SchemeName, changes: SentChanges = {}): Sent {
  const { nowMs = Date.now(), pair = keyOf(scheme), name = scheme, query = '' } = changes;
  const { body = jsonOf(scheme, nowMs), contentType = 'application/json' } = changes;
  const target = `/webhook/${name}${query}`;
  const sign = openSigner({ ...settingsOf(scheme), name, scheme }, pair.signing);
  const signature = Object.entries(sign({ body, url: target, nowMs }));
  return { method: 'POST', target, headers: [['content-type', contentType], ...signature], body };
}

/** As it goes over the wire. */
export function bytesOf({ method, target, headers, body }: Sent): Buffer {
  const all = [['Host', 'x'], ...headers, ['Content-Length', String(body.length)]];
  const head = `${method} ${target} HTTP/1.1\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}

export interface TestAnswer {
  status: number;
  header: (name: string) => string | undefined;
  body: string;
  /** All of it but its date and the id of the request. */
  same: string;
}

function answerIn(received: string): TestAnswer {
  const end = received.indexOf('\r\n\r\n');
  const head = received.slice(0, end);
  return {
    status: Number(/^HTTP\/1\.1 (\d+) /.exec(head)?.[1]),
    header: (name) => new RegExp(`^${name}: (.*)\r?$`, 'im').exec(head)?.[1]?.trim(),
    body: received.slice(end + 4),
    same: received.replace(/^(?:date|x-request-id): .*\r\n/gim, ''),
  };
}

/** On a connection of its own. */
export async function send(port: number, sent: Sent): Promise<TestAnswer> {
  return answerIn(await exchange(port, [bytesOf(sent)]));
}
