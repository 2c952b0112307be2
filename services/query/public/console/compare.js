/** Where two messages differ. Uses no page, so that it can be tested without a browser. */

/** Keeps the halves of a surrogate pair together. */
const isLowHalf = (text, at) => /[\udc00-\udfff]/.test(text.charAt(at));

/** `[before, different, after]` of `text`: what it has in common with `other` at both ends, and the rest. */
export function split(text, other) {
  const shorter = Math.min(text.length, other.length);
  let start = 0;
  while (start < shorter && text[start] === other[start]) start++;
  if (isLowHalf(text, start) || isLowHalf(other, start)) start = Math.max(0, start - 1);
  let end = 0;
  while (end < shorter - start && text.at(-1 - end) === other.at(-1 - end)) end++;
  if (end > 0 && isLowHalf(text, text.length - end)) end--;
  return [text.slice(0, start), text.slice(start, text.length - end), text.slice(text.length - end)];
}

/** The message in the raw text of a dead letter, or undefined. `extra` is the JSON text of an object, or ''. */
export function messageInRaw(raw) {
  let tuple;
  try {
    tuple = JSON.parse(raw);
  } catch {
    return undefined;
  }
  if (!Array.isArray(tuple)) return undefined;
  const [message_id, from, to, ts, text, extra = ''] = tuple;
  return { message_id, from, to, ts, text, extra };
}
