/**
 * Reads JSON of which only a few members are wanted. An integer that a number cannot hold becomes a string of its digits:
 * the ids of Shopify are such integers.
 *
 * The digits are put into quotes before JSON.parse reads them. The parsers that keep large integers, lossless-json and
 * json-bigint, take 7 to 14 times as long as JSON.parse: 9 s and 19 s for 30 MB on a machine where it took 1.4 s. The
 * writer would lose its lease meanwhile.
 */
import { EXTRA_DEPTH_MAX } from '@lyftr/shared/limits';

const MAY_BE_LARGE = /\d{16}/;
/** A whole number, for it ends where a value ends. A group of digits in a fraction or an exponent is not matched. */
const LARGE = /(?<![\d.eE+-])-?[1-9]\d{15,}(?=[\s,\]}]|$)/g;
const BACKSLASH = 0x5c;

const quoted = (digits: string): string => (Number.isSafeInteger(Number(digits)) ? digits : `"${digits}"`);

/** The place of the quote that ends the string whose first character is at `start`; -1 when none does. */
function endOfString(json: string, start: number): number {
  for (let end = json.indexOf('"', start); end !== -1; end = json.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (end - backslashes > start && json.charCodeAt(end - backslashes - 1) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return -1;
}

function quoteLargeIntegers(json: string): string {
  let text = '';
  let copied = 0;
  for (let start = 0; start < json.length;) {
    const quote = json.indexOf('"', start);
    const outside = json.slice(start, quote === -1 ? json.length : quote);
    if (outside.length >= 16 && MAY_BE_LARGE.test(outside)) {
      text += json.slice(copied, start) + outside.replace(LARGE, quoted);
      copied = start + outside.length;
    }
    const end = quote === -1 ? -1 : endOfString(json, quote + 1);
    start = end === -1 ? json.length : end + 1;
  }
  return text + json.slice(copied);
}

/** Undefined when it is not JSON. */
export function parseJson(json: string): unknown {
  try {
    return JSON.parse(MAY_BE_LARGE.test(json) ? quoteLargeIntegers(json) : json);
  } catch {
    return undefined;
  }
}

/** Without the mark that some senders begin with. */
export function textOf(body: Uint8Array): string {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

export const readJson = (body: Uint8Array): unknown => parseJson(textOf(body));

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A member's member; undefined as soon as one is missing. */
export function at(value: unknown, ...names: readonly (string | number)[]): unknown {
  let found = value;
  for (const name of names) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined;
    found = (found as Record<string | number, unknown>)[name];
  }
  return found;
}

/** An empty array when it is none. */
export const itemsOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The first of these that is a number or a string with something in it. */
export function firstText(...values: readonly unknown[]): string | undefined {
  for (const value of values) {
    if (typeof value === 'string' && value !== '') return value;
    if (typeof value === 'number') return String(value);
  }
  return undefined;
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(member, levels - 1));
}

/** The JSON text of an object that can be stored beside a message; undefined when it is nested too deep. */
export function extraText(members: Record<string, unknown>): string | undefined {
  if (isDeeperThan(members, EXTRA_DEPTH_MAX)) return undefined;
  // an escape that is left in the text is half of a surrogate pair, which UTF-8 cannot hold
  return JSON.stringify(members).replace(/\\\\|\\ud[89a-f][0-9a-f]{2}/g, (escape) =>
    escape === '\\\\' ? escape : '\uFFFD',
  );
}
