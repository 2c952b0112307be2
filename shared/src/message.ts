import { ADDRESS_CHARS_MAX, MESSAGE_ID_CHARS_MAX, TEXT_CHARS_MAX, TS_SECONDS_MAX } from './limits.js';

/** A message, as senders post it and readers receive it. */
export interface Message {
  /** The idempotency key. The first delivery is stored; later ones are duplicates. */
  message_id: string;
  from: string;
  to: string;
  /** Epoch seconds. */
  ts: number;
  /** `""` when the sender sent none. */
  text: string;
  /** All other members. Absent when there are none. They are stored and passed on as text (see `asDelivered`). */
  extra?: Record<string, unknown>;
}

/** The members that every message has. */
export type KnownMembers = Omit<Message, 'extra'>;

/** Excludes NUL, at which C string interfaces, shells and SQLite's text functions stop. */
const withoutNul = '^[^\\u0000]*$';

const identifier = (maxLength: number, description: string) =>
  ({ type: 'string', minLength: 1, maxLength, pattern: withoutNul, description }) as const;

/** JSON Schema (draft 2020-12) of a message. The intake validates with it, and OpenAPI publishes it. */
export const messageSchema = {
  type: 'object',
  required: ['message_id', 'from', 'to', 'ts'],
  properties: {
    message_id: identifier(
      MESSAGE_ID_CHARS_MAX,
      'Idempotency key. The first delivery is stored; later ones are duplicates.',
    ),
    from: identifier(ADDRESS_CHARS_MAX, 'Sender.'),
    to: identifier(ADDRESS_CHARS_MAX, 'Recipient.'),
    ts: { type: 'integer', minimum: 0, maximum: TS_SECONDS_MAX, description: 'Epoch seconds.' },
    text: { type: 'string', maxLength: TEXT_CHARS_MAX, default: '', description: 'Message text.' },
  },
  additionalProperties: true,
} as const;

/** The members with a column in the database. All others go into `extra`. */
export const MESSAGE_MEMBERS: ReadonlySet<string> = new Set(Object.keys(messageSchema.properties));

/**
 * The JSON text of a message, ready for delivery. `extra` is the JSON text of an object with the other members. It is
 * never parsed, because parsing may round numbers.
 */
export function asDelivered(known: KnownMembers, extra: string | null | undefined): string {
  const text = JSON.stringify(known);
  const others = (extra ?? '{}').slice(1, -1);
  return others === '' ? text : `${text.slice(0, -1)},${others}}`;
}
