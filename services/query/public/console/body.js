/** What a body is, by its type and its text. Uses no page, so that it can be tested without a browser. */
import { pretty } from './format.js';
import { parseJson } from './json.js';

/** A larger body is shown as it came: to parse it would stop the page for a moment. */
const PARSED_CHARS_MAX = 1_000_000;

function isJson(text) {
  try {
    parseJson(text);
    return true;
  } catch {
    return false;
  }
}

const isForm = (type) => /^application\/x-www-form-urlencoded\b/i.test(type.trim());

/**
 * `{ kind, raw, json?, fields? }` of `{ content_type, body | body_base64 }`. `kind` is `json`, `form`, `text`, or
 * `base64` when the bytes are not UTF-8. `fields` are the names and values of a form; a value that is JSON is indented.
 */
export function readBody({ content_type: type, body, body_base64: base64 }) {
  if (body === undefined) return { kind: 'base64', raw: base64 };
  if (body.length > PARSED_CHARS_MAX) return { kind: 'text', raw: body };
  if (isForm(type)) {
    const fields = Array.from(new URLSearchParams(body), ([name, value]) => [
      name,
      /^\s*[[{]/.test(value) ? pretty(value) : value,
    ]);
    return { kind: 'form', raw: body, fields };
  }
  return isJson(body) ? { kind: 'json', raw: body, json: pretty(body) } : { kind: 'text', raw: body };
}

/** The part of a JSON text at a JSON pointer, indented. Undefined when there is none, and for the whole text. */
export function partAt(text, pointer) {
  if (pointer === '' || text.length > PARSED_CHARS_MAX || !isJson(text)) return undefined;
  let part = parseJson(text);
  for (const step of pointer.slice(1).split('/')) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof part !== 'object' || part === null || !Object.hasOwn(part, name)) return undefined;
    part = part[name];
  }
  return JSON.stringify(part, undefined, 2);
}
