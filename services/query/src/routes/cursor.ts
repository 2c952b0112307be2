/** A cursor is the position of the last message of a page: `[ts, message_id]` as base64url of JSON. */

import type { Place } from '@lyftr/store/store';

export function encodeCursor(place: Place): string {
  return Buffer.from(JSON.stringify([place.ts, place.message_id])).toString('base64url');
}

/** Returns undefined for a text that `encodeCursor` did not create. */
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
  // Buffer.from() ignores invalid base64, and JSON allows many spellings; accept only the one of encodeCursor
  return encodeCursor(place) === cursor ? place : undefined;
}
