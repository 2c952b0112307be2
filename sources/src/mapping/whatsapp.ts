/**
 * The webhooks of a WhatsApp Business account: each message and each status is a message.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
 */
import type { Draft, FindMessages } from './delivery.js';
import { at, firstText, isObject, itemsOf, readJson } from './json.js';
import { readSeconds } from './time.js';

type TextRule = (message: unknown) => string | undefined;

const media =
  (type: string): TextRule =>
  (message) =>
    firstText(at(message, type, 'caption'), at(message, type, 'filename'));

const errorTitle = (of: unknown): string | undefined =>
  firstText(at(of, 'errors', 0, 'title'), at(of, 'errors', 0, 'message'));

const joined = (values: readonly (string | undefined)[]): string =>
  values.filter((value) => value !== undefined).join(', ');

function place(message: unknown): string {
  const location = at(message, 'location');
  const name = joined([firstText(at(location, 'name')), firstText(at(location, 'address'))]);
  return (
    firstText(name) ?? joined([firstText(at(location, 'latitude')), firstText(at(location, 'longitude'))])
  );
}

/** By type. What is not here has no rule. */
const TEXTS = new Map<unknown, TextRule>([
  ['text', (message) => firstText(at(message, 'text', 'body'))],
  ['button', (message) => firstText(at(message, 'button', 'text'))],
  [
    'interactive',
    (message) => {
      const reply = at(message, 'interactive');
      return firstText(
        at(reply, 'button_reply', 'title'),
        at(reply, 'list_reply', 'title'),
        at(reply, 'nfm_reply', 'body'),
      );
    },
  ],
  ['image', media('image')],
  ['video', media('video')],
  ['audio', media('audio')],
  ['document', media('document')],
  ['sticker', media('sticker')],
  ['reaction', (message) => firstText(at(message, 'reaction', 'emoji'))],
  ['location', place],
  [
    'contacts',
    (message) =>
      joined(
        itemsOf(at(message, 'contacts')).map((contact) => firstText(at(contact, 'name', 'formatted_name'))),
      ),
  ],
  ['order', (message) => firstText(at(message, 'order', 'text'))],
  ['system', (message) => firstText(at(message, 'system', 'body'))],
  ['request_welcome', () => undefined],
  ['unsupported', errorTitle],
  ['unknown', errorTitle],
]);

/** The contact of one message: they stand side by side, or one is for all. */
function contactOf(value: unknown, index: number): unknown {
  const contacts = itemsOf(at(value, 'contacts'));
  if (contacts.length === 1) return contacts[0];
  return contacts.length === itemsOf(at(value, 'messages')).length ? contacts[index] : undefined;
}

function ofMessage(message: unknown, index: number, value: unknown, pointer: string): Draft | undefined {
  const textOf = TEXTS.get(at(message, 'type'));
  if (textOf === undefined) return undefined;
  return {
    pointer,
    id: firstText(at(message, 'id')),
    from: firstText(at(message, 'from'), at(message, 'from_user_id'), at(contactOf(value, index), 'user_id')),
    to: firstText(at(value, 'metadata', 'display_phone_number')),
    ts: readSeconds(at(message, 'timestamp')),
    text: textOf(message),
  };
}

function ofStatus(status: unknown, _index: number, value: unknown, pointer: string): Draft | undefined {
  const id = firstText(at(status, 'id'));
  const name = firstText(at(status, 'status'));
  if (id === undefined || name === undefined) return undefined;
  const participant = firstText(at(status, 'recipient_participant_id'));
  const error = errorTitle(status);
  return {
    pointer,
    id: participant === undefined ? `${id}:${name}` : `${id}:${name}:${participant}`,
    from: firstText(at(value, 'metadata', 'display_phone_number')),
    to: firstText(at(status, 'recipient_id'), at(status, 'recipient_user_id')),
    ts: readSeconds(at(status, 'timestamp')),
    text: error === undefined ? name : `${name}: ${error}`,
  };
}

const RULES = new Map([
  ['messages', ofMessage],
  ['statuses', ofStatus],
]);
/** Members that only describe what stands beside them. */
const ABOUT = new Set(['messaging_product', 'metadata', 'contacts']);

const inPointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

export const whatsapp: FindMessages = ({ body }) => {
  const drafts: Draft[] = [];
  const leftovers: string[] = [];
  const readChange = (change: unknown, pointer: string): void => {
    const value = at(change, 'value');
    const names = isObject(value) ? Object.keys(value).filter((name) => !ABOUT.has(name)) : [];
    if (at(change, 'field') !== 'messages' || names.length === 0) {
      leftovers.push(pointer);
      return;
    }
    for (const name of names) {
      const [rule, items] = [RULES.get(name), at(value, name)];
      const where = `${pointer}/value/${inPointer(name)}`;
      if (rule === undefined || !Array.isArray(items)) {
        leftovers.push(where);
        continue;
      }
      for (const [index, item] of items.entries()) {
        const draft = rule(item, index, value, `${where}/${index}`);
        if (draft === undefined) leftovers.push(`${where}/${index}`);
        else drafts.push(draft);
      }
    }
  };
  for (const [index, entry] of itemsOf(at(readJson(body), 'entry')).entries()) {
    const changes = itemsOf(at(entry, 'changes'));
    if (changes.length === 0) leftovers.push(`/entry/${index}`);
    for (const [place_, change] of changes.entries()) readChange(change, `/entry/${index}/changes/${place_}`);
  }
  return { drafts, leftovers };
};
