/** Messages as `POST /webhook` and `/webhook/batch` take them: one, or an array of them. */
import { MESSAGE_MEMBERS } from '@lyftr/shared/message';
import type { Draft, FindMessages } from './delivery.js';
import { extraText, isObject, readJson } from './json.js';
import { readSeconds } from './time.js';

const textIn = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function draftOf(value: unknown, pointer: string): Draft | undefined {
  if (!isObject(value)) return undefined;
  const others = Object.entries(value).filter(([name]) => !MESSAGE_MEMBERS.has(name));
  const extra = others.length === 0 ? undefined : extraText(Object.fromEntries(others));
  if (others.length > 0 && extra === undefined) return undefined;
  const { message_id, from, to, ts, text } = value;
  return {
    pointer,
    id: textIn(message_id),
    from: textIn(from),
    to: textIn(to),
    ts: readSeconds(ts),
    text: textIn(text),
    extra,
  };
}

export const lyftr: FindMessages = ({ body }) => {
  const value = readJson(body);
  const drafts: Draft[] = [];
  const leftovers: string[] = [];
  const read = (message: unknown, pointer: string): void => {
    const draft = draftOf(message, pointer);
    if (draft === undefined) leftovers.push(pointer);
    else drafts.push(draft);
  };
  if (Array.isArray(value)) for (const [index, message] of value.entries()) read(message, `/${index}`);
  else read(value, '');
  return { drafts, leftovers };
};
