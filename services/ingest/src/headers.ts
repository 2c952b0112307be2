/** Collects the headers of a request from its names and values in turn, as node:http has them. */
import type { Headers } from '@lyftr/sources/source';

/** By name in lower case; an array where one occurs more than once. Without `names`, all of them. */
export function collectHeaders(rawHeaders: readonly string[], names?: readonly string[]): Headers {
  // without a prototype: a source may name a header `constructor`
  const found = Object.create(null) as Record<string, string | string[]>;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).toLowerCase();
    if (names !== undefined && !names.includes(name)) continue;
    const value = rawHeaders[at + 1] as string;
    const before = found[name];
    if (before === undefined) found[name] = value;
    else if (typeof before === 'string') found[name] = [before, value];
    else before.push(value);
  }
  return found;
}
