/**
 * `extra`: the members of a message beyond the known five, as the JSON text that was sent. A parsed number would be
 * rounded (9007199254740993 becomes …992, 1e400 becomes null), so the text is cut out of the body instead. Numbers,
 * escapes, the order of members and names that come twice stay as they are; white space outside of strings is left out.
 *
 * Everything here takes JSON that JSON.parse has accepted.
 */
import { ProblemError } from '@lyftr/shared/errors';
import { EXTRA_DEPTH_MAX } from '@lyftr/shared/limits';
import { MESSAGE_MEMBERS } from '@lyftr/shared/message';

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** A member of an object (`"name":value`) or an item of an array. */
export interface Part {
  text: string;
  /** Arrays and objects inside each other, at most. */
  depth: number;
}

/** The place of the quote that ends the string which begins at `start`. */
function endOfString(json: string, start: number): number {
  for (let i = start + 1; ; i++) {
    const code = json.charCodeAt(i);
    if (code === BACKSLASH) i++;
    else if (code === QUOTE) return i;
  }
}

/** The members of an object, or the items of an array, without white space outside of strings. */
export function partsOf(json: string): Part[] {
  const parts: Part[] = [];
  let text = '';
  let [open, depth] = [0, 0];
  let start = json.search(/[[{]/) + 1;
  const takeUpTo = (end: number): void => {
    text += json.slice(start, end);
    start = end + 1;
  };
  const endPart = (end: number): void => {
    takeUpTo(end);
    if (text !== '') parts.push({ text, depth });
    text = '';
    depth = 0;
  };
  for (let i = start; i < json.length; i++) {
    switch (json.charCodeAt(i)) {
      case QUOTE:
        i = endOfString(json, i);
        break;
      case SPACE:
      case TAB:
      case LINE_FEED:
      case CARRIAGE_RETURN:
        takeUpTo(i);
        break;
      case COMMA:
        if (open === 0) endPart(i);
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth = Math.max(depth, ++open);
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        if (open === 0) {
          endPart(i);
          return parts;
        }
        open--;
    }
  }
  return parts;
}

const nameOf = (member: string): string => JSON.parse(member.slice(0, endOfString(member, 0) + 1)) as string;

/** Half of a surrogate pair, which UTF-8 cannot hold, comes only as an escape. */
const LONE_SURROGATE = /\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F]/;

/** Strings of `json` that hold half of a surrogate pair. An escaped backslash begins no other escape. */
export function hasLoneSurrogate(json: string): boolean {
  return LONE_SURROGATE.test(json.replaceAll('\\\\', '//'));
}

const refused = (path: string, message: string) =>
  new ProblemError('invalid-message', undefined, { errors: [{ path: path === '' ? '/' : path, message }] });

/**
 * The JSON text of an object with the other members of `message`, or undefined when it has none; `textOf` gives the text
 * that `message` was parsed from. Throws ProblemError `invalid-message`.
 */
export function readExtra(message: object, textOf: () => string, path: string): string | undefined {
  let hasOthers = false;
  for (const name in message) hasOthers ||= !MESSAGE_MEMBERS.has(name);
  if (!hasOthers) return undefined;
  const others = partsOf(textOf()).filter(({ text }) => !MESSAGE_MEMBERS.has(nameOf(text)));
  // the object around them is a level too
  if (others.some(({ depth }) => depth >= EXTRA_DEPTH_MAX))
    throw refused(path, `must not be nested deeper than ${EXTRA_DEPTH_MAX} levels`);
  const extra = `{${others.map(({ text }) => text).join(',')}}`;
  if (hasLoneSurrogate(extra)) throw refused(path, 'must not contain a lone surrogate');
  return extra;
}
