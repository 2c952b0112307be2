/** Periods that end now, in the address as `last`. */

const HOURS = { '1h': 1, '24h': 24, '7d': 168 };
const HOUR_MS = 3_600_000;

/** The period in the address, or '' when it has none that exists. */
export const periodOf = ({ last }) => (Object.hasOwn(HOURS, last ?? '') ? last : '');

/** The earliest time in ISO 8601, or undefined. A period moves on, so every request asks for its start anew. */
export function sinceOf(wanted, now = Date.now()) {
  const period = periodOf(wanted);
  if (period === '') return wanted.since;
  const start = now - HOURS[period] * HOUR_MS;
  return new Date(start).toISOString().replace(/\.\d+Z$/, 'Z');
}
