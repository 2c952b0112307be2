/**
 * The envelope of a job.
 *
 * One job carries a batch. A message travels as a tuple, not as an object: the names of the members would be
 * repeated in Redis for every message (45 of the 142 bytes of a typical body). `extra` travels as JSON text,
 * because it is stored as text: the writer never parses what it does not need.
 */
import {
  isMessageTuple,
  type MessageTuple,
  type Numbers,
  type ReadBatch,
  type Trace,
} from '@lyftr/shared/batch';
import type { Range } from '@lyftr/shared/ranges';
import { givenRequestId } from '@lyftr/shared/runtime/request-id';

export const ENVELOPE_VERSION = 2;

/** A job is named after its batch, so that the ledger can tell what waits in the queue without reading it. */
export function jobName(producer: string, [first, last]: Range): string {
  return `${producer}:${first}:${last - first + 1}`;
}

/** The batch that a job is named after, or undefined when the name is of another making. */
export function numbersOfJob(name: string): Numbers | undefined {
  const match = /^([^:]+):([1-9]\d*):([1-9]\d*)$/.exec(name);
  if (match === null) return undefined;
  const first = Number(match[2]);
  return { producer: match[1] as string, range: [first, first + Number(match[3]) - 1] };
}

/** What ingest puts into a job. */
export interface Envelope {
  /** Version of this layout. A writer holds a version that it does not know until it is upgraded. */
  v: typeof ENVELOPE_VERSION;
  /** The life of an ingest process that enqueued the batch. */
  producer: string;
  /** Number of the first message. A producer numbers its messages from 1; an add that failed leaves a hole. */
  first: number;
  /** Epoch milliseconds at which the batch was given to Redis. */
  at: number;
  messages: MessageTuple[];
  /** Absent when no sender gave an id. */
  trace?: Trace[];
}

const isTrace = (value: unknown): value is Trace =>
  Array.isArray(value) &&
  value.length === 3 &&
  givenRequestId(value[0] as string) !== undefined &&
  Number.isSafeInteger(value[1]) &&
  Number.isSafeInteger(value[2]);

/** A later version of Lyftr wrote it: this writer has to be upgraded. */
export class UnknownVersionError extends Error {
  constructor(version: number) {
    super(
      `The queue holds a batch of version ${version}, which this writer cannot read. Upgrade the writer.`,
    );
    this.name = 'UnknownVersionError';
  }
}

type Fields = Record<string, unknown>;

function readCommon({ at, messages, trace }: Fields): Omit<ReadBatch, 'numbers'> {
  if (!Number.isSafeInteger(at)) throw new Error('the envelope has no time of acceptance');
  if (!Array.isArray(messages) || !messages.every(isMessageTuple))
    throw new Error('the envelope has malformed messages');
  const batch = { at: at as number, messages };
  // it is for the log alone, and must not cost a message
  return Array.isArray(trace) && trace.every(isTrace) ? { ...batch, trace } : batch;
}

function readNumbered(fields: Fields): ReadBatch {
  const { producer, first } = fields;
  if (typeof producer !== 'string' || producer === '') throw new Error('the envelope names no producer');
  if (!Number.isSafeInteger(first) || (first as number) < 1)
    throw new Error('the envelope has no number of its first message');
  const common = readCommon(fields);
  const range: Range = [first as number, (first as number) + common.messages.length - 1];
  return { numbers: { producer, range }, ...common };
}

/** By version of the envelope. One that is not here yet is of a later Lyftr. */
const DECODERS: Readonly<Record<number, (fields: Fields) => ReadBatch>> = {
  1: (fields) => ({ numbers: undefined, ...readCommon(fields) }),
  2: readNumbered,
};

/**
 * What came out of Redis, checked before it is trusted. Throws UnknownVersionError, or an Error that says what is wrong
 * with an envelope that is damaged; no retry helps against that.
 */
export function readEnvelope(data: unknown): ReadBatch {
  if (typeof data !== 'object' || data === null) throw new Error('the envelope is not an object');
  const fields = data as Fields;
  const version = fields['v'];
  if (!Number.isSafeInteger(version) || (version as number) < 1)
    throw new Error('the envelope has no version');
  const decode = DECODERS[version as number];
  if (decode === undefined) throw new UnknownVersionError(version as number);
  return decode(fields);
}
