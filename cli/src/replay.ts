/** From the raw text of a dead letter back to messages, and through the intake again. */
import { CONFLICTING_DUPLICATE, type DeadLetterKind } from '@lyftr/shared/database';
import { isMessageTuple, type MessageTuple } from '@lyftr/shared/job';
import type { Message } from '@lyftr/shared/message';
import { AnswerError, type Client } from './client.js';

/** As `GET /dead-letters/{id}` gives it. */
export interface Letter {
  id: number;
  kind: DeadLetterKind;
  reason: string;
  message_id: string | null;
  /** ISO 8601, UTC. */
  received_at: string;
  /** JSON as it came out of the queue: a message tuple, or a whole envelope. */
  raw: string;
}

const BODY_TOO_LARGE = 413;
const NOT_FOUND = 404;

/** What came as `extra` goes out as members again. */
function toMessage([message_id, from, to, ts, text, extra]: MessageTuple): Message {
  const more = extra === undefined ? {} : (JSON.parse(extra) as Record<string, unknown>);
  return { ...more, message_id, from, to, ts, text };
}

function parse(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    throw new Error('its raw text is not JSON: nothing in it can be replayed');
  }
}

function tuplesOf({ kind, raw }: Letter): MessageTuple[] {
  const value = parse(raw);
  if (kind !== 'corrupt_envelope') {
    if (!isMessageTuple(value)) throw new Error('its raw text is no message: nothing in it can be replayed');
    return [value];
  }
  const { v, messages } = (value ?? {}) as { v?: unknown; messages?: unknown };
  // the places in a tuple have their meaning from the version
  if (v !== 1) throw new Error(`its envelope has version ${String(v)}, whose messages cannot be read here`);
  if (!Array.isArray(messages) || messages.length === 0) throw new Error('its envelope holds no messages');
  const bad = messages.findIndex((message) => !isMessageTuple(message));
  if (bad !== -1)
    throw new Error(
      `message ${bad + 1} of ${messages.length} in its envelope is malformed; none is replayed`,
    );
  return messages as MessageTuple[];
}

/**
 * The messages of a letter, the only one of them under the id `as` when that is given. Throws an Error that says why
 * they cannot be read, or cannot be replayed under their own id.
 */
export function messagesOf(letter: Letter, as?: string): Message[] {
  if (letter.kind === CONFLICTING_DUPLICATE && (as === undefined || as === letter.message_id))
    throw new Error(
      `its id is taken by another message, which was first and stays; under the same id it would only be a duplicate again. Replay it under another one: lyftr dead-letters replay ${letter.id} --as NEW_ID`,
    );
  const messages = tuplesOf(letter).map(toMessage);
  if (as === undefined) return messages;
  const [message] = messages;
  if (message === undefined || messages.length > 1)
    throw new Error(`it holds ${messages.length} messages, and --as names one`);
  return [{ ...message, message_id: as }];
}

/**
 * Posts in one request, or in halves where that is refused for its size. Half of a replay does no harm: the ids absorb
 * the next try. Rejects as `Client.deliver` does.
 */
export async function deliverAll(client: Client, messages: readonly Message[]): Promise<void> {
  try {
    await client.deliver(messages);
  } catch (error) {
    const isTooLarge = error instanceof AnswerError && error.status === BODY_TOO_LARGE;
    if (!isTooLarge || messages.length === 1) throw error;
    const half = Math.ceil(messages.length / 2);
    await deliverAll(client, messages.slice(0, half));
    await deliverAll(client, messages.slice(half));
  }
}

/** Rejects when a message is stored under `id`: replaying to it would make the next conflict. */
export async function requireFree(client: Client, id: string): Promise<void> {
  try {
    await client.get(`/messages/${encodeURIComponent(id)}`);
  } catch (error) {
    if (error instanceof AnswerError && error.status === NOT_FOUND) return;
    throw error;
  }
  throw new Error(`${JSON.stringify(id)} is taken as well: name another id with --as`);
}
