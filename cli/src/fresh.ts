/** Makes a new delivery of an example: with ids of its own and the present time, so that it is a new message. */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import type { Example } from '@lyftr/sources/examples';

/** The moment at which the examples were made: 2026-01-01. Their times are a little before or after it. */
const EXAMPLES_MS = Date.UTC(2026, 0, 1);

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');

/** Ids in a body and their new values. They look alike in JSON and in a form, because no character of them is escaped. */
const IDS: readonly (readonly [RegExp, () => string])[] = [
  [/wamid\.\w+/g, () => `wamid.${hex(16)}`],
  [/evt_\w+/g, () => `evt_${hex(13)}`],
  [/Ev0EXAMPLE\w+/g, () => `Ev0${hex(8).toUpperCase()}`],
  [/\d{13}\.\d+\.[0-9a-f]{32}/g, () => `${Date.now()}.${randomInt(1e9, 1e10)}.${hex(16)}`],
  [/SM[0-9a-f]{32}/g, () => `SM${hex(16)}`],
  [/CA[0-9a-f]{32}/g, () => `CA${hex(16)}`],
  [/(?<="event_id":")[0-9a-f-]{36}/g, () => randomUUID()],
  [/(?<="update_id":)\d+/g, () => String(randomInt(1e8, 1e9))],
  [/(?<="sg_event_id":")[^"]+/g, () => hex(11)],
  // Zoom and Discord give a delivery no id, so it is new when a part of it is
  [/(?<="uuid":")[^"]+/g, () => randomBytes(16).toString('base64')],
  [/(?<="user":\{"id":")\d+/g, () => `1${randomInt(1e9, 1e10)}${randomInt(1e7, 1e8)}`],
];

/** Times of the examples: epoch seconds or milliseconds, and ISO 8601. */
const EPOCH = /(?<!\d)17672\d{5}(?:\d{3})?(?!\d)/g;
const ISO = /20(?:25-12-31|26-01-01)T[\d:.]+(?:Z|\+\d\d:\d\d)?/g;
/** Linear refuses a delivery whose time is not the present one, so even a repeated delivery has a new one. */
const SIGNED_TIME = /(?<="webhookTimestamp":)\d+/g;

/** Headers with the id of a delivery. */
const ID_HEADERS = [
  'x-github-delivery',
  'x-shopify-webhook-id',
  'shopify-webhook-id',
  'linear-delivery',
  'idempotency-key',
  'webhook-id',
  'svix-id',
];

function freshBody(body: string, nowMs: number): string {
  /** An id that occurs several times stays one id. */
  const replaced = new Map<string, string>();
  let text = body;
  for (const [pattern, make] of IDS)
    text = text.replace(pattern, (old) => {
      const value = replaced.get(old) ?? make();
      replaced.set(old, value);
      return value;
    });
  const shiftMs = nowMs - EXAMPLES_MS;
  return text
    .replace(EPOCH, (digits) =>
      digits.length === 13
        ? String(Number(digits) + shiftMs)
        : String(Number(digits) + Math.floor(shiftMs / 1_000)),
    )
    .replace(ISO, (time) => new Date(Date.parse(time) + shiftMs).toISOString());
}

/** `isSame`: the message of the example itself, so that a second delivery is a duplicate. */
export function freshExample(example: Example, nowMs: number, isSame: boolean): Example {
  const { contentType, headers, body } = example;
  const signedNow = body.toString().replace(SIGNED_TIME, String(nowMs));
  if (isSame) return { contentType, headers, body: Buffer.from(signedNow) };
  const fresh = Object.entries(headers).map(([name, value]) => [
    name,
    ID_HEADERS.includes(name) ? randomUUID() : value,
  ]);
  return {
    contentType,
    headers: Object.fromEntries(fresh) as Record<string, string>,
    body: Buffer.from(freshBody(signedNow, nowMs)),
  };
}

/** The id of a delivery, where it is in a header. */
export const idHeaderOf = (headers: Readonly<Record<string, string>>): string | undefined =>
  ID_HEADERS.map((name) => headers[name]).find((id) => id !== undefined);
