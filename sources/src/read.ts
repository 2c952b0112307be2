/** Reads headers and what is written in them. Everything that has two spellings is refused, but for the case of hex digits. */
import type { Headers, Refused } from './source.js';

/** At most this many signatures stand in one header. */
export const SIGNATURES_MAX = 16;
const HEX = /^(?:[0-9a-f]{2})+$/i;
const DIGITS = /^[0-9]{1,15}$/;
const ISO_8601 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

export const MISSING: Refused = { reason: 'missing' };
export const DOUBLED: Refused = { reason: 'doubled' };
export const MALFORMED: Refused = { reason: 'malformed' };
export const WRONG: Refused = { reason: 'wrong' };

export type Encoding = 'hex' | 'base64';

/** Undefined when the text is not the one spelling of its bytes; hex may have either case. */
export function decode(text: string, encoding: Encoding): Buffer | undefined {
  if (encoding === 'hex') return HEX.test(text) ? Buffer.from(text, 'hex') : undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.length > 0 && bytes.toString('base64') === text ? bytes : undefined;
}

/** A header that must occur once. */
export function only(headers: Headers, name: string): string | Refused {
  const value = headers[name];
  if (value === undefined) return MISSING;
  return typeof value === 'string' ? value : DOUBLED;
}

/** Headers whose names begin with one of two prefixes. A request that has both has the same under both. */
export function family<const N extends string>(
  headers: Headers,
  prefixes: readonly [string, string],
  names: readonly N[],
): Record<N, string> | Refused {
  const used = prefixes.filter((prefix) => names.some((name) => headers[prefix + name] !== undefined));
  const sets: Record<string, string>[] = [];
  for (const prefix of used) {
    const set: Record<string, string> = {};
    for (const name of names) {
      const value = only(headers, prefix + name);
      if (typeof value !== 'string') return value;
      set[name] = value;
    }
    sets.push(set);
  }
  const [first, second] = sets;
  if (first === undefined) return MISSING;
  if (second !== undefined && names.some((name) => first[name] !== second[name])) return DOUBLED;
  return first;
}

/** `bytes` is the length of each; undefined when they have no fixed one. */
export function signatures(
  texts: readonly string[],
  encoding: Encoding,
  bytes: number | undefined,
): Buffer[] | Refused {
  if (texts.length > SIGNATURES_MAX) return MALFORMED;
  const found: Buffer[] = [];
  for (const text of texts) {
    const decoded = decode(text, encoding);
    if (decoded === undefined || (bytes !== undefined && decoded.length !== bytes)) return MALFORMED;
    found.push(decoded);
  }
  return found;
}

/** One signature behind a prefix. */
export function signature(
  text: string,
  prefix: string,
  encoding: Encoding,
  bytes: number | undefined,
): Buffer[] | Refused {
  return text.startsWith(prefix) ? signatures([text.slice(prefix.length)], encoding, bytes) : MALFORMED;
}

/** Undefined when it is no time of this form. */
export function readTimeMs(text: string, unit: 's' | 'ms' | 'iso'): number | undefined {
  if (unit === 'iso') {
    const ms = ISO_8601.test(text) ? Date.parse(text) : NaN;
    return Number.isNaN(ms) ? undefined : ms;
  }
  if (!DIGITS.test(text)) return undefined;
  return unit === 's' ? Number(text) * 1_000 : Number(text);
}

/** A body that is JSON; undefined when it is not, or no object. */
export function jsonObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** A string or a number of a JSON body as an id. */
export function idIn(value: unknown): string | undefined {
  if (typeof value === 'string' && value !== '') return value;
  return Number.isSafeInteger(value) ? String(value) : undefined;
}

/** What a JSON pointer (RFC 6901) leads to. */
export function atPointer(value: unknown, pointer: string): unknown {
  let at = value;
  for (const token of pointer.split('/').slice(1)) {
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}
