/** A batch: messages that share a job of the queue. */
import type { DeadLetterKind } from './outcomes.js';
import { size, type Range } from './ranges.js';

/** The numbers of a batch's messages, and the producer that numbered them. A producer's name contains no colon. */
export interface Numbers {
  producer: string;
  range: Range;
}

/** `[message_id, from, to, ts, text, extra?]`; `extra` is the JSON text of an object. */
export type MessageTuple = [string, string, string, number, string, string?];

/** Validates a value that was read from Redis or from the database. */
export const isMessageTuple = (value: unknown): value is MessageTuple =>
  Array.isArray(value) &&
  (value.length === 5 || value.length === 6) &&
  typeof value[0] === 'string' &&
  typeof value[1] === 'string' &&
  typeof value[2] === 'string' &&
  Number.isSafeInteger(value[3]) &&
  typeof value[4] === 'string' &&
  (value.length === 5 || typeof value[5] === 'string');

/** `[request id, index of the first message, number of messages]` of a delivery whose sender sent a request id. */
export type Trace = [requestId: string, first: number, messages: number];

/** A batch decoded from an envelope of any version. */
export interface ReadBatch {
  /** Undefined for an envelope of version 1, which has no message numbers. */
  numbers: Numbers | undefined;
  at: number;
  messages: MessageTuple[];
  trace?: Trace[];
}

/** The request id that the sender sent with a message, or undefined. */
export function requestIdAt({ trace }: Pick<ReadBatch, 'trace'>, index: number): string | undefined {
  return trace?.find(([, first, messages]) => index >= first && index < first + messages)?.[0];
}

/** A job that cannot be decoded. It is settled under the numbers in its name. */
export interface Corrupt {
  numbers: Numbers;
  /** The content of the job, as JSON text. */
  corrupt: string;
  reason: string;
}

/** A batch from the queue, or a part of one. */
export type Batch = ReadBatch | Corrupt;

/** A message or an undecodable batch that was stored in `dead_letters`. */
export interface PutAside {
  kind: DeadLetterKind;
  /** Undefined when the sender sent none. */
  requestId: string | undefined;
}

export const messagesIn = (batch: Batch): number =>
  'corrupt' in batch ? size([batch.numbers.range]) : batch.messages.length;

/** The messages from index `from` up to but not including `to`, with their numbers and request ids. */
function partOf(batch: ReadBatch, from: number, to: number): ReadBatch {
  const { numbers, at, trace } = batch;
  const part: ReadBatch = { numbers: undefined, at, messages: batch.messages.slice(from, to) };
  if (numbers !== undefined) {
    const { producer, range } = numbers;
    part.numbers = { producer, range: [range[0] + from, range[0] + to - 1] };
  }
  if (trace !== undefined)
    part.trace = trace.map(([requestId, first, messages]) => [requestId, first - from, messages]);
  return part;
}

function* partsOf(batch: Batch, messagesMax: number): Generator<Batch> {
  if ('corrupt' in batch || batch.messages.length <= messagesMax) yield batch;
  else
    for (let from = 0; from < batch.messages.length; from += messagesMax)
      yield partOf(batch, from, Math.min(from + messagesMax, batch.messages.length));
}

/** Yields the messages in order, in groups of at most `messagesMax`. A larger batch is split. */
export function* inGroups(batches: readonly Batch[], messagesMax: number): Generator<Batch[]> {
  let group: Batch[] = [];
  let messages = 0;
  for (const batch of batches) {
    for (const part of partsOf(batch, messagesMax)) {
      const more = 'corrupt' in part ? 1 : part.messages.length;
      if (group.length > 0 && messages + more > messagesMax) {
        yield group;
        group = [];
        messages = 0;
      }
      group.push(part);
      messages += more;
    }
  }
  if (group.length > 0) yield group;
}

/** The indexes of the messages whose numbers are in `fresh`. All indexes when the batch has no numbers. */
export function* indexesOf({ numbers, messages }: ReadBatch, fresh: readonly Range[]): Generator<number> {
  if (numbers === undefined) yield* messages.keys();
  else
    for (const [first, last] of fresh)
      for (let number = first; number <= last; number++) yield number - numbers.range[0];
}
