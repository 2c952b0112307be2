import { parse } from 'node:querystring';
import { textOf } from './json.js';

/** What providers send has fewer than a hundred. */
const FIELDS_MAX = 1_000;

export const isForm = (contentType: string): boolean =>
  /^\s*application\/x-www-form-urlencoded\s*(?:;|$)/i.test(contentType);

/** The first value of each field. Never throws: an escape that stands for nothing is left as it is. */
export function readForm(body: Uint8Array): ReadonlyMap<string, string> {
  const fields = Object.entries(parse(textOf(body), '&', '=', { maxKeys: FIELDS_MAX }));
  return new Map(
    fields.map(([name, value = '']) => [name, typeof value === 'string' ? value : (value[0] ?? '')]),
  );
}
