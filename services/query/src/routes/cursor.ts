/** A cursor is the place of the last message of a page, `[ts, message_id]`, as base64url of JSON. */

import type { Place } from '@lyftr/store/store';

export function encodeCursor(place: Place): string {
  return Buffer.from(JSON.stringify([place.ts, place.message_id])).toString('base64url');
}

/** `undefined` for anything that `encodeCursor` did not make. */
export function decodeCursor(cursor: string): Place | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const [ts, message_id] = value as unknown[];
  if (!Number.isSafeInteger(ts) || typeof message_id !== 'string') return undefined;
  const place = { ts: ts as number, message_id };
  // Buffer.from() skips what is not base64, and JSON has many spellings: only ours is accepted
  return encodeCursor(place) === cursor ? place : undefined;
}
