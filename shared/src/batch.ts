/** What comes out of the queue, and what becomes of it. */
import type { DeadLetterKind } from './outcomes.js';
import { size, type Range } from './ranges.js';

/** Where a batch stands in the numbering of its producer, whose name has no colon. */
export interface Numbers {
  producer: string;
  range: Range;
}

/** `[message_id, from, to, ts, text, extra?]`; `extra` is the JSON text of an object. */
export type MessageTuple = [string, string, string, number, string, string?];

/** Checks what came from outside. */
export const isMessageTuple = (value: unknown): value is MessageTuple =>
  Array.isArray(value) &&
  (value.length === 5 || value.length === 6) &&
  typeof value[0] === 'string' &&
  typeof value[1] === 'string' &&
  typeof value[2] === 'string' &&
  Number.isSafeInteger(value[3]) &&
  typeof value[4] === 'string' &&
  (value.length === 5 || typeof value[5] === 'string');

/** `[request id, index of its first message, number of its messages]` of a delivery whose sender gave it an id. */
export type Trace = [requestId: string, first: number, messages: number];

/** A batch as the writer has it, of whatever version its envelope was. */
export interface ReadBatch {
  /** Undefined for a batch of version 1, which did not number its messages. */
  numbers: Numbers | undefined;
  at: number;
  messages: MessageTuple[];
  trace?: Trace[];
}

/** The id that a sender gave to the delivery of a message, or undefined. */
export function requestIdAt({ trace }: Pick<ReadBatch, 'trace'>, index: number): string | undefined {
  return trace?.find(([, first, messages]) => index >= first && index < first + messages)?.[0];
}

/** A job that cannot be read. It is settled as the batch that it is named after. */
export interface Corrupt {
  numbers: Numbers;
  /** What the job holds, as JSON text. */
  corrupt: string;
  reason: string;
}

/** A batch as it left the queue, or a part of one. */
export type Batch = ReadBatch | Corrupt;

/** A message, or a batch that cannot be read, that went to `dead_letters`. */
export interface PutAside {
  kind: DeadLetterKind;
  /** When the sender gave its delivery one. */
  requestId: string | undefined;
}

export const messagesIn = (batch: Batch): number =>
  'corrupt' in batch ? size([batch.numbers.range]) : batch.messages.length;

/** The messages from index `from` to before `to`, with their numbers and request ids. */
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

/** The same messages in the same order, in groups of up to `messagesMax`. A larger batch is cut. */
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

/** The messages of `batch` whose numbers are in `fresh`, by index. All of them when they have no numbers. */
export function* indexesOf({ numbers, messages }: ReadBatch, fresh: readonly Range[]): Generator<number> {
  if (numbers === undefined) yield* messages.keys();
  else
    for (const [first, last] of fresh)
      for (let number = first; number <= last; number++) yield number - numbers.range[0];
}
