import { ADDRESS_CHARS_MAX, MESSAGE_ID_CHARS_MAX, TEXT_CHARS_MAX, TS_SECONDS_MAX } from './limits.js';

/** One message as a sender posts it and a reader gets it. */
export interface Message {
  /** Idempotency key: the first delivery wins. */
  message_id: string;
  from: string;
  to: string;
  /** Epoch seconds. */
  ts: number;
  /** `""` when the sender gave none. */
  text: string;
  /** Members beyond the five, as they came; absent when there were none. Kept and passed on as text: see `asDelivered`. */
  extra?: Record<string, unknown>;
}

/** The five that every message has. */
export type KnownMembers = Omit<Message, 'extra'>;

/** Excludes NUL: C string interfaces, shells and SQLite's text functions all stop at it. */
const withoutNul = '^[^\\u0000]*$';

const identifier = (maxLength: number, description: string) =>
  ({ type: 'string', minLength: 1, maxLength, pattern: withoutNul, description }) as const;

/** JSON Schema (draft 2020-12) of one message: it validates the intake and documents it in OpenAPI. */
export const messageSchema = {
  type: 'object',
  required: ['message_id', 'from', 'to', 'ts'],
  properties: {
    message_id: identifier(MESSAGE_ID_CHARS_MAX, 'Idempotency key: the first delivery wins.'),
    from: identifier(ADDRESS_CHARS_MAX, 'Sender.'),
    to: identifier(ADDRESS_CHARS_MAX, 'Recipient.'),
    ts: { type: 'integer', minimum: 0, maximum: TS_SECONDS_MAX, description: 'Epoch seconds.' },
    text: { type: 'string', maxLength: TEXT_CHARS_MAX, default: '', description: 'Message text.' },
  },
  additionalProperties: true,
} as const;

/** The members that have a column of their own; all others are `extra`. */
export const MESSAGE_MEMBERS: ReadonlySet<string> = new Set(Object.keys(messageSchema.properties));

/**
 * The JSON text of a message as it can be delivered. `extra` is the JSON text of an object with its other members, which
 * are never parsed on the way: a parsed number may be rounded.
 */
export function asDelivered(known: KnownMembers, extra: string | null | undefined): string {
  const text = JSON.stringify(known);
  const others = (extra ?? '{}').slice(1, -1);
  return others === '' ? text : `${text.slice(0, -1)},${others}}`;
}
