/** From the raw text of a dead letter back to messages, and through the intake again. */
import { AnswerError } from './client.js';
import { CONFLICTING_DUPLICATE, type DeadLetterKind } from '../outcomes.js';
import { isMessageTuple, type MessageTuple } from '../batch.js';
import { asDelivered } from '../message.js';

/** What a replay needs of a dead letter. */
export interface Letter {
  id: number;
  kind: DeadLetterKind;
  reason: string;
  message_id: string | null;
  /** JSON as it came out of the queue: a message tuple, or a whole envelope. */
  raw: string;
}

const BODY_TOO_LARGE = 413;

/** Why a letter cannot be replayed as it was asked for. Nothing has been sent. */
export class ReplayError extends Error {
  /** True when another id would help. */
  readonly needsId: boolean;

  constructor(message: string, needsId = false) {
    super(message);
    this.name = 'ReplayError';
    this.needsId = needsId;
  }
}

/** Every message has been acknowledged, but the letter is still there; `cause` says why. */
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

/** What a replay needs of the system around it. */
export interface ReplayPort {
  /** Whether a message is stored under this id. */
  isTaken(id: string): Promise<boolean>;
  /** `messages` are JSON texts. Resolves when all are acknowledged. Rejects with AnswerError, or with an Error when nothing answers. */
  deliver(messages: readonly string[]): Promise<void>;
  /** Removes the letter. Rejects as `deliver` does. */
  discard(id: number): Promise<void>;
}

/** What came as `extra` goes out as members again, in the same letters. */
function toText([message_id, from, to, ts, text, extra]: MessageTuple): string {
  return asDelivered({ message_id, from, to, ts, text }, extra);
}

function parse(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    throw new ReplayError('its raw text is not JSON: nothing in it can be replayed');
  }
}

function tuplesOf({ kind, raw }: Letter): MessageTuple[] {
  const value = parse(raw);
  if (kind !== 'corrupt_envelope') {
    if (!isMessageTuple(value))
      throw new ReplayError('its raw text is no message: nothing in it can be replayed');
    return [value];
  }
  const { v, messages } = (value ?? {}) as { v?: unknown; messages?: unknown };
  // the places in a tuple have their meaning from the version
  if (v !== 1)
    throw new ReplayError(`its envelope has version ${String(v)}, whose messages cannot be read here`);
  if (!Array.isArray(messages) || messages.length === 0)
    throw new ReplayError('its envelope holds no messages');
  const bad = messages.findIndex((message) => !isMessageTuple(message));
  if (bad !== -1)
    throw new ReplayError(
      `message ${bad + 1} of ${messages.length} in its envelope is malformed; none is replayed`,
    );
  return messages as MessageTuple[];
}

/** The messages of a letter as JSON texts, the only one of them under the id `as` when that is given. Throws ReplayError. */
function messagesOf(letter: Letter, as?: string): string[] {
  if (letter.kind === CONFLICTING_DUPLICATE && (as === undefined || as === letter.message_id))
    throw new ReplayError(
      'its id is taken by another message, which was first and stays; under the same id it would only be a duplicate again',
      true,
    );
  const tuples = tuplesOf(letter);
  if (as === undefined) return tuples.map(toText);
  const [tuple] = tuples;
  if (tuple === undefined || tuples.length > 1)
    throw new ReplayError(`it holds ${tuples.length} messages, and another id can be given to one only`);
  return [toText(tuple.with(0, as) as MessageTuple)];
}

/**
 * Posts in one request, or in halves where that is refused for its size. Half of a replay does no harm: the ids absorb
 * the next try.
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

/**
 * Sends the messages of a letter through the intake, and discards the letter once they are acknowledged. Resolves with
 * their number. Rejects with ReplayError, with NotDiscardedError, or as `deliver` does.
 */
export async function replay(port: ReplayPort, letter: Letter, as?: string): Promise<number> {
  const messages = messagesOf(letter, as);
  // replaying to a taken id would make the next conflict
  if (as !== undefined && (await port.isTaken(as)))
    throw new ReplayError(`${JSON.stringify(as)} is taken as well: choose another id`, true);
  await deliverAll(port, messages);
  try {
    await port.discard(letter.id);
  } catch (error) {
    throw new NotDiscardedError(messages.length, error);
  }
  return messages.length;
}
