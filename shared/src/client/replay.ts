/** Replays a dead letter: turns its raw text back into messages and sends them through the intake. */
import { AnswerError } from './client.js';
import { CONFLICTING_DUPLICATE, UNMAPPED_DELIVERY, type DeadLetterKind } from '../outcomes.js';
import { isMessageTuple, type MessageTuple } from '../batch.js';
import { asDelivered } from '../message.js';
import type { SentDelivery } from '../sources.js';

/** The members of a dead letter that a replay needs. */
export interface Letter {
  id: number;
  kind: DeadLetterKind;
  reason: string;
  message_id: string | null;
  /** JSON from the queue: a message tuple or a whole envelope. Of an unmapped delivery, the body as it came. */
  raw: string;
  /** Of an unmapped delivery, all but its body. Null for every other kind. */
  delivery: LetterDelivery | null;
}

export interface LetterDelivery extends Omit<SentDelivery, 'body' | 'body_base64'> {
  /** Present when `raw` is base64, because the body is not UTF-8. */
  encoding?: 'base64';
  /** JSON pointers to the parts of the body for which the mapping had no rule. */
  pointers: string[];
}

const BODY_TOO_LARGE = 413;

/** The letter cannot be replayed as requested. Nothing has been sent. */
export class ReplayError extends Error {
  /** True when a replay under another id is possible. */
  readonly needsId: boolean;

  constructor(message: string, needsId = false) {
    super(message);
    this.name = 'ReplayError';
    this.needsId = needsId;
  }
}

/** Every message was acknowledged, but the letter could not be discarded. `cause` is the reason. */
export class NotDiscardedError extends Error {
  readonly replayed: number;

  constructor(replayed: number, cause: unknown) {
    super(`replayed, but not discarded: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
    this.name = 'NotDiscardedError';
    this.replayed = replayed;
  }
}

/** The operations of the system that a replay needs. */
export interface ReplayPort {
  /** Whether a message is stored under this id. */
  isTaken(id: string): Promise<boolean>;
  /**
   * `messages` are JSON texts. Resolves when all are acknowledged. Rejects with AnswerError, or with an Error when
   * there is no response.
   */
  deliver(messages: readonly string[]): Promise<void>;
  /** Sends a delivery of a source, which is mapped again. Resolves and rejects as `deliver` does. */
  redeliver(delivery: SentDelivery): Promise<void>;
  /** Removes the letter. Rejects as `deliver` does. */
  discard(id: number): Promise<void>;
}

/** The message as JSON text. The members of `extra` keep their original text. */
function toText([message_id, from, to, ts, text, extra]: MessageTuple): string {
  return asDelivered({ message_id, from, to, ts, text }, extra);
}

function parse(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    throw new ReplayError('its raw text is not JSON, so it cannot be replayed');
  }
}

function tuplesOf({ kind, raw }: Letter): MessageTuple[] {
  const value = parse(raw);
  if (kind !== 'corrupt_envelope') {
    if (!isMessageTuple(value))
      throw new ReplayError('its raw text is not a message, so it cannot be replayed');
    return [value];
  }
  const { v, messages } = (value ?? {}) as { v?: unknown; messages?: unknown };
  // the version of the envelope defines the order of the tuple
  if (v !== 1)
    throw new ReplayError(`its envelope has version ${String(v)}, which this version of Lyftr cannot replay`);
  if (!Array.isArray(messages) || messages.length === 0)
    throw new ReplayError('its envelope contains no messages');
  const bad = messages.findIndex((message) => !isMessageTuple(message));
  if (bad !== -1)
    throw new ReplayError(
      `message ${bad + 1} of ${messages.length} in its envelope is malformed, so none of them was replayed`,
    );
  return messages as MessageTuple[];
}

/** The messages of a letter as JSON texts. `as` replaces the id and requires a single message. Throws ReplayError. */
function messagesOf(letter: Letter, as?: string): string[] {
  if (letter.kind === CONFLICTING_DUPLICATE && (as === undefined || as === letter.message_id))
    throw new ReplayError(
      'another message is already stored under its id, so it would be a duplicate again',
      true,
    );
  const tuples = tuplesOf(letter);
  if (as === undefined) return tuples.map(toText);
  const [tuple] = tuples;
  if (tuple === undefined || tuples.length > 1)
    throw new ReplayError(
      `it contains ${tuples.length} messages, and you can give another id only to a single message`,
    );
  return [toText(tuple.with(0, as) as MessageTuple)];
}

/**
 * Posts the messages in one request, or splits them in half when the request is too large. A partial replay is
 * harmless: the next try sends the same ids, which are then duplicates.
 */
async function deliverAll(port: ReplayPort, messages: readonly string[]): Promise<void> {
  try {
    await port.deliver(messages);
  } catch (error) {
    const isTooLarge = error instanceof AnswerError && error.status === BODY_TOO_LARGE;
    if (!isTooLarge || messages.length === 1) throw error;
    const half = Math.ceil(messages.length / 2);
    await deliverAll(port, messages.slice(0, half));
    await deliverAll(port, messages.slice(half));
  }
}

function deliveryOf({ raw, delivery }: Letter): SentDelivery {
  if (delivery === null) throw new ReplayError('it has no delivery, so it cannot be replayed');
  const { encoding, pointers: _, ...sent } = delivery;
  return { ...sent, ...(encoding === 'base64' ? { body_base64: raw } : { body: raw }) };
}

async function send(port: ReplayPort, letter: Letter, as?: string): Promise<number> {
  if (letter.kind === UNMAPPED_DELIVERY) {
    if (as !== undefined)
      throw new ReplayError(
        'it is a delivery, whose mapping gives the ids, so you cannot give it another id',
      );
    await port.redeliver(deliveryOf(letter));
    return 1;
  }
  const messages = messagesOf(letter, as);
  // a replay under an id that is in use would create the next conflict
  if (as !== undefined && (await port.isTaken(as)))
    throw new ReplayError(`a message is already stored under ${JSON.stringify(as)}: choose another id`, true);
  await deliverAll(port, messages);
  return messages.length;
}

/**
 * Sends the messages of a letter through the intake, and discards the letter once they are acknowledged. Resolves with
 * their number. Rejects with ReplayError, with NotDiscardedError, or as `deliver` does.
 */
export async function replay(port: ReplayPort, letter: Letter, as?: string): Promise<number> {
  const replayed = await send(port, letter, as);
  try {
    await port.discard(letter.id);
  } catch (error) {
    throw new NotDiscardedError(replayed, error);
  }
  return replayed;
}
