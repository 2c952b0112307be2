/**
 * From one verified delivery to its messages. What a delivery says is never an error: what has no rule is listed, and what
 * has one is a message all the same.
 */
import { MAPPED_ADDRESS_CHARS_MAX, MESSAGE_ID_CHARS_MAX, TEXT_CHARS_MAX } from '@lyftr/shared/limits';
import type { Mapping, Preset } from '../source.js';
import { cut, hasMoreThan } from './cut.js';
import type { Delivery, Draft, FindMessages, Mapped, MappedMessage } from './delivery.js';
import { github } from './github.js';
import type { Expressions } from './jsonata.js';
import { lyftr } from './lyftr.js';
import { raw } from './raw.js';
import { shopify } from './shopify.js';
import { slack } from './slack.js';
import { stripe } from './stripe.js';
import { twilio } from './twilio.js';
import { whatsapp } from './whatsapp.js';

/** A provider sends up to 1,000 updates at once. Pointers beyond that are left out; the raw body has what they lead to. */
export const LEFTOVERS_MAX = 1_000;

const PRESETS: Readonly<Record<Preset, FindMessages>> = {
  raw,
  whatsapp,
  github,
  stripe,
  shopify,
  slack,
  twilio,
};

/** C string interfaces, shells and SQLite's text functions all stop at NUL. */
const isIdentifier = (text: string): boolean =>
  text.isWellFormed() && !text.includes('\0') && !hasMoreThan(text, MESSAGE_ID_CHARS_MAX);

const address = (text: string): string =>
  cut(text, MAPPED_ADDRESS_CHARS_MAX).replaceAll('\0', '\uFFFD').toWellFormed();

/** Undefined: it is no message. */
function messageOf(draft: Draft, delivery: Delivery): MappedMessage | undefined {
  const { id, from, to, ts, text, extra } = draft;
  if (id === undefined || id === '' || from === undefined || from === '' || to === undefined || to === '')
    return undefined;
  const messageId = `${delivery.source}:${id}`;
  if (!isIdentifier(messageId)) return undefined;
  return {
    message_id: messageId,
    from: address(from),
    to: address(to),
    ts: ts ?? Math.floor((delivery.signedAtMs ?? delivery.verifiedAtMs) / 1_000),
    text: cut(text ?? '', TEXT_CHARS_MAX).toWellFormed(),
    ...(extra === undefined ? {} : { extra }),
    tsIsOfDelivery: ts === undefined,
  };
}

/**
 * `mapping` is that of the source: undefined when a body is a message or an array of them. There is at least one message or
 * one leftover. Rejects only when an expression could not be run, and the same call may succeed later.
 */
export async function mapDelivery(
  delivery: Delivery,
  mapping: Mapping | undefined,
  expressions: Expressions,
): Promise<Mapped> {
  const { drafts, leftovers, fault, isOverLimit } =
    typeof mapping === 'object'
      ? await expressions.find(mapping.jsonata, delivery)
      : (mapping === undefined ? lyftr : PRESETS[mapping])(delivery);
  const messages: MappedMessage[] = [];
  for (const draft of drafts) {
    const message = messageOf(draft, delivery);
    if (message === undefined) leftovers.push(draft.pointer);
    else messages.push(message);
  }
  if (messages.length === 0 && leftovers.length === 0) leftovers.push('');
  return {
    messages,
    leftovers: [...new Set(leftovers)].slice(0, LEFTOVERS_MAX),
    ...(fault === undefined ? {} : { fault }),
    ...(isOverLimit === true ? { isOverLimit } : {}),
  };
}
