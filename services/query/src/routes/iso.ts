/** The part of ISO 8601 (extended format) that query parameters use. */

/**
 * A date, or a date and a time with minutes, seconds or a fraction of a second. The zone is optional. A `+` in a
 * query string arrives as a space, so a space counts as a plus sign.
 */
const SHAPE =
  /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?:Z|([-+ ])(\d\d)(?::?(\d\d))?)?)?$/i;

/**
 * Epoch seconds, rounded up. Timestamps are whole seconds, so `ts >= 5.5` equals `ts >= 6` and `ts < 5.5` equals `ts
 * < 6`. A time without a zone is UTC. Returns undefined for an invalid time, such as the 30th of February.
 */
export function isoToSeconds(text: string): number | undefined {
  const match = SHAPE.exec(text);
  if (match === null) return undefined;
  const part = (index: number): number => Number(match[index] ?? 0);
  const [year, month, day] = [part(1), part(2), part(3)];
  const [hour, minute, second] = [part(4), part(5), part(6)];
  const [zoneHour, zoneMinute] = [part(9), part(10)];
  if (hour > 23 || minute > 59 || second > 59 || zoneHour > 23 || zoneMinute > 59) return undefined;

  // Date.UTC() would read the years 0 to 99 as 1900 to 1999
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;

  const zoneSeconds = (zoneHour * 60 + zoneMinute) * 60 * (match[8] === '-' ? -1 : 1);
  const wholeSeconds = date.getTime() / 1_000 + hour * 3_600 + minute * 60 + second - zoneSeconds;
  return wholeSeconds + (/[1-9]/.test(match[7] ?? '') ? 1 : 0);
}

/** `2024-03-09T16:00:00Z`. */
export function secondsToIso(seconds: number): string {
  return new Date(seconds * 1_000).toISOString().replace('.000Z', 'Z');
}
