import { TS_SECONDS_MAX } from '@lyftr/shared/limits';

const DIGITS = /^\d{1,12}$/;
const ISO_8601 = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)$/;

function secondsIn(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return NaN;
  if (DIGITS.test(value)) return Number(value);
  return ISO_8601.test(value) ? Date.parse(value) / 1_000 : NaN;
}

/** Whole epoch seconds of a number, of digits, or of ISO 8601 with its zone. Undefined when it is no such time. */
export function readSeconds(value: unknown): number | undefined {
  const seconds = Math.floor(secondsIn(value));
  return seconds >= 0 && seconds <= TS_SECONDS_MAX ? seconds : undefined;
}
