/** A batch: messages and deliveries that share a job of the queue. */
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

/** `[request id, index of the first item, number of items]` of a request whose sender sent a request id. */
export type Trace = [requestId: string, first: number, items: number];

/** A verified delivery of a source, as ingest puts it into the queue. The writer makes messages of it. */
export interface SourceDelivery {
  source: string;
  scheme: string;
  /** Id of the key that verified it. */
  key: string;
  /** Id of the delivery. The SHA-256 of the body, in hex, when its sender gives none. */
  id: string;
  /** Epoch milliseconds. */
  verifiedAt: number;
  /** Epoch milliseconds. Absent when the scheme signs no time. */
  signedAt?: number;
  /** `""` when the request had none. */
  contentType: string;
  /** The headers that are kept, by name in lower case. */
  headers: Record<string, string>;
  body: string;
  /** Present when the bytes of the body are not UTF-8: `body` is then base64. */
  encoding?: 'base64';
  /** True when it came from an export file, and no key of its source verified it here. */
  imported?: boolean;
}

/** What a batch in the queue contains. */
export type QueueItem = MessageTuple | SourceDelivery;

/** A message of a delivery. */
export interface DeliveryMessage {
  tuple: MessageTuple;
  /**
   * True when the event has no time of its own, and `ts` is the time of the delivery. A redelivery has another time, so
   * such a message is compared without it.
   */
  tsIsOfDelivery: boolean;
}

/** A delivery and the messages that its mapping made of it. It has at least one message or one leftover. */
export interface MappedDelivery {
  delivery: SourceDelivery;
  messages: DeliveryMessage[];
  /** JSON pointers to the parts of the body for which the mapping has no rule. `""` is the whole body. */
  leftovers: string[];
  /** The reason, when the pointers do not tell it. For a person. */
  fault?: string;
}

/** What the store receives. */
export type StoreItem = MessageTuple | MappedDelivery;

/** A batch decoded from an envelope of any version. */
export interface ReadBatch<Item = StoreItem> {
  /** Undefined for an envelope of version 1, which has no message numbers. */
  numbers: Numbers | undefined;
  at: number;
  items: Item[];
  trace?: Trace[];
}

/** The request id that the sender sent with a message, or undefined. */
export function requestIdAt({ trace }: Pick<ReadBatch, 'trace'>, index: number): string | undefined {
  return trace?.find(([, first, items]) => index >= first && index < first + items)?.[0];
}

/** A job that cannot be decoded. It is settled under the numbers in its name. */
export interface Corrupt {
  numbers: Numbers;
  /** The content of the job, as JSON text. */
  corrupt: string;
  reason: string;
}

/** A batch for the store, or a part of one. */
export type Batch = ReadBatch | Corrupt;
/** A batch from the queue. */
export type QueueBatch = ReadBatch<QueueItem> | Corrupt;

/** A message or an undecodable batch that was stored in `dead_letters`. */
export interface PutAside {
  kind: DeadLetterKind;
  /** Undefined when the sender sent none. */
  requestId: string | undefined;
}

/** Messages and deliveries, each of which has a number. */
export const itemsIn = (batch: QueueBatch | Batch): number =>
  'corrupt' in batch ? size([batch.numbers.range]) : batch.items.length;

export const isTuple = (item: QueueItem | StoreItem): item is MessageTuple => Array.isArray(item);

/** The number of outcomes of one item: its messages, and one dead letter when something is left over. */
export const outcomesOf = (item: StoreItem): number =>
  isTuple(item) ? 1 : item.messages.length + (item.leftovers.length > 0 ? 1 : 0);

const outcomesIn = (batch: Batch): number =>
  'corrupt' in batch ? 1 : batch.items.reduce((sum, item) => sum + outcomesOf(item), 0);

/** The items from index `from` up to but not including `to`, with their numbers and request ids. */
function partOf(batch: ReadBatch, from: number, to: number): ReadBatch {
  const { numbers, at, trace } = batch;
  const part: ReadBatch = { numbers: undefined, at, items: batch.items.slice(from, to) };
  if (numbers !== undefined) {
    const { producer, range } = numbers;
    part.numbers = { producer, range: [range[0] + from, range[0] + to - 1] };
  }
  if (trace !== undefined)
    part.trace = trace.map(([requestId, first, items]) => [requestId, first - from, items]);
  return part;
}

function* partsOf(batch: Batch, outcomesMax: number): Generator<Batch> {
  if ('corrupt' in batch || outcomesIn(batch) <= outcomesMax) {
    yield batch;
    return;
  }
  let from = 0;
  let outcomes = 0;
  for (const [index, item] of batch.items.entries()) {
    const more = outcomesOf(item);
    if (index > from && outcomes + more > outcomesMax) {
      yield partOf(batch, from, index);
      from = index;
      outcomes = 0;
    }
    outcomes += more;
  }
  yield partOf(batch, from, batch.items.length);
}

/**
 * Yields the items in order, in groups of at most `outcomesMax` outcomes. A larger batch is split. A delivery is not, so a
 * group may be one delivery with more outcomes.
 */
export function* inGroups(batches: readonly Batch[], outcomesMax: number): Generator<Batch[]> {
  let group: Batch[] = [];
  let outcomes = 0;
  for (const batch of batches) {
    for (const part of partsOf(batch, outcomesMax)) {
      const more = outcomesIn(part);
      if (group.length > 0 && outcomes + more > outcomesMax) {
        yield group;
        group = [];
        outcomes = 0;
      }
      group.push(part);
      outcomes += more;
    }
  }
  if (group.length > 0) yield group;
}

/** The indexes of the items whose numbers are in `fresh`. All indexes when the batch has no numbers. */
export function* indexesOf({ numbers, items }: ReadBatch, fresh: readonly Range[]): Generator<number> {
  if (numbers === undefined) yield* items.keys();
  else
    for (const [first, last] of fresh)
      for (let number = first; number <= last; number++) yield number - numbers.range[0];
}
