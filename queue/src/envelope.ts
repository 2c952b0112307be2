/**
 * The envelope of a job.
 *
 * A job carries a batch. A message is a tuple and not an object, because an object would repeat the names of the
 * members in Redis for every message (45 of the 142 bytes of a typical body). `extra` is JSON text, because it is
 * stored as text: the writer does not parse it. The delivery of a source is an object, because its body is large.
 */
import {
  isMessageTuple,
  isTuple,
  type Numbers,
  type QueueItem,
  type ReadBatch,
  type SourceDelivery,
  type Trace,
} from '@lyftr/shared/batch';
import type { Range } from '@lyftr/shared/ranges';
import { givenRequestId } from '@lyftr/shared/runtime/request-id';

const MESSAGES_VERSION = 2;
const DELIVERIES_VERSION = 3;

/**
 * The name of a job identifies its batch. The ledger can therefore tell which messages are in the queue without
 * reading the jobs.
 */
export function jobName(producer: string, [first, last]: Range): string {
  return `${producer}:${first}:${last - first + 1}`;
}

/** The batch in the name of a job. Undefined when the name has another form. */
export function numbersOfJob(name: string): Numbers | undefined {
  const match = /^([^:]+):([1-9]\d*):([1-9]\d*)$/.exec(name);
  if (match === null) return undefined;
  const first = Number(match[2]);
  return { producer: match[1] as string, range: [first, first + Number(match[3]) - 1] };
}

/** The content of a job, as ingest writes it. */
export interface Envelope {
  /**
   * Version of this layout. A writer that does not know a version holds the batch until the writer is upgraded. So a
   * batch without deliveries has the version that earlier writers know.
   */
  v: typeof MESSAGES_VERSION | typeof DELIVERIES_VERSION;
  /** The producer (one life of an ingest process) that enqueued the batch. */
  producer: string;
  /**
   * Number of the first item. A producer numbers its items from 1. The numbers of a failed add are not used again.
   */
  first: number;
  /** Epoch milliseconds at which the batch was sent to Redis. */
  at: number;
  /** Deliveries only in version 3. */
  messages: QueueItem[];
  /** Absent when no sender sent a request id. */
  trace?: Trace[];
}

/** `trace` is absent when no sender sent a request id. */
export function createEnvelope(
  { producer, range }: Numbers,
  at: number,
  items: QueueItem[],
  trace?: Trace[],
): Envelope {
  const v = items.every(isTuple) ? MESSAGES_VERSION : DELIVERIES_VERSION;
  const envelope: Envelope = { v, producer, first: range[0], at, messages: items };
  if (trace !== undefined) envelope.trace = trace;
  return envelope;
}

export const hasDeliveries = ({ v }: Envelope): boolean => v === DELIVERIES_VERSION;

/** As JSON. Each item is encoded on its own: a text of all of them would be long, and V8 is slow with those. */
export function encodeEnvelope({ messages, ...head }: Envelope): Buffer {
  const pieces = [Buffer.from(`${JSON.stringify(head).slice(0, -1)},"messages":[`)];
  for (const [index, item] of messages.entries())
    pieces.push(Buffer.from(`${index === 0 ? '' : ','}${JSON.stringify(item)}`));
  pieces.push(Buffer.from(']}'));
  return Buffer.concat(pieces);
}

const isTextRecord = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.values(value).every((text) => typeof text === 'string');

function isSourceDelivery(value: unknown): value is SourceDelivery {
  if (typeof value !== 'object' || value === null) return false;
  const { source, scheme, key, id, verifiedAt, signedAt, contentType, headers, body, encoding } =
    value as Partial<Record<keyof SourceDelivery, unknown>>;
  return (
    [source, scheme, key, id, contentType, body].every((text) => typeof text === 'string') &&
    Number.isSafeInteger(verifiedAt) &&
    (signedAt === undefined || Number.isSafeInteger(signedAt)) &&
    (encoding === undefined || encoding === 'base64') &&
    isTextRecord(headers)
  );
}

const isQueueItem = (value: unknown): value is QueueItem =>
  Array.isArray(value) ? isMessageTuple(value) : isSourceDelivery(value);

const isTrace = (value: unknown): value is Trace =>
  Array.isArray(value) &&
  value.length === 3 &&
  givenRequestId(value[0] as string) !== undefined &&
  Number.isSafeInteger(value[1]) &&
  Number.isSafeInteger(value[2]);

/** A later version of Lyftr wrote the envelope. The writer must be upgraded. */
export class UnknownVersionError extends Error {
  constructor(version: number) {
    super(
      `The queue contains a batch of version ${version}, which this writer cannot read. Upgrade the writer.`,
    );
    this.name = 'UnknownVersionError';
  }
}

type Fields = Record<string, unknown>;

type QueueReadBatch = ReadBatch<QueueItem>;

function readCommon(
  { at, messages, trace }: Fields,
  isItem: (value: unknown) => value is QueueItem,
): Omit<QueueReadBatch, 'numbers'> {
  if (!Number.isSafeInteger(at)) throw new Error('the envelope has no time of acceptance');
  if (!Array.isArray(messages) || !messages.every(isItem))
    throw new Error('the envelope has malformed messages');
  const batch = { at: at as number, items: messages };
  // the trace is only for the log; a malformed one must not cost a message
  return Array.isArray(trace) && trace.every(isTrace) ? { ...batch, trace } : batch;
}

function readNumbered(fields: Fields, isItem: (value: unknown) => value is QueueItem): QueueReadBatch {
  const { producer, first } = fields;
  if (typeof producer !== 'string' || producer === '') throw new Error('the envelope has no producer');
  if (!Number.isSafeInteger(first) || (first as number) < 1)
    throw new Error('the envelope has no number of its first message');
  const common = readCommon(fields, isItem);
  const range: Range = [first as number, (first as number) + common.items.length - 1];
  return { numbers: { producer, range }, ...common };
}

/** Decoders by version of the envelope. A later version of Lyftr wrote an envelope of any other version. */
const DECODERS: Readonly<Record<number, (fields: Fields) => QueueReadBatch>> = {
  1: (fields) => ({ numbers: undefined, ...readCommon(fields, isMessageTuple) }),
  [MESSAGES_VERSION]: (fields) => readNumbered(fields, isMessageTuple),
  [DELIVERIES_VERSION]: (fields) => readNumbered(fields, isQueueItem),
};

/**
 * Decodes and validates an envelope from Redis. Throws UnknownVersionError, or an Error that describes the damage. A
 * retry does not help.
 */
export function readEnvelope(data: unknown): QueueReadBatch {
  if (typeof data !== 'object' || data === null) throw new Error('the envelope is not an object');
  const fields = data as Fields;
  const version = fields['v'];
  if (!Number.isSafeInteger(version) || (version as number) < 1)
    throw new Error('the envelope has no version');
  const decode = DECODERS[version as number];
  if (decode === undefined) throw new UnknownVersionError(version as number);
  return decode(fields);
}
