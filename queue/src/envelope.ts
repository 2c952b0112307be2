/**
 * The envelope of a job.
 *
 * A job carries a batch. A message is a tuple and not an object, because an object would repeat the names of the
 * members in Redis for every message (45 of the 142 bytes of a typical body). `extra` is JSON text, because it is
 * stored as text: the writer does not parse it.
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
  /** Version of this layout. A writer that does not know a version holds the batch until the writer is upgraded. */
  v: typeof ENVELOPE_VERSION;
  /** The producer (one life of an ingest process) that enqueued the batch. */
  producer: string;
  /**
   * Number of the first message. A producer numbers its messages from 1. The numbers of a failed add are not used
   * again.
   */
  first: number;
  /** Epoch milliseconds at which the batch was sent to Redis. */
  at: number;
  messages: MessageTuple[];
  /** Absent when no sender sent a request id. */
  trace?: Trace[];
}

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

function readCommon({ at, messages, trace }: Fields): Omit<ReadBatch, 'numbers'> {
  if (!Number.isSafeInteger(at)) throw new Error('the envelope has no time of acceptance');
  if (!Array.isArray(messages) || !messages.every(isMessageTuple))
    throw new Error('the envelope has malformed messages');
  const batch = { at: at as number, messages };
  // the trace is only for the log; a malformed one must not cost a message
  return Array.isArray(trace) && trace.every(isTrace) ? { ...batch, trace } : batch;
}

function readNumbered(fields: Fields): ReadBatch {
  const { producer, first } = fields;
  if (typeof producer !== 'string' || producer === '') throw new Error('the envelope has no producer');
  if (!Number.isSafeInteger(first) || (first as number) < 1)
    throw new Error('the envelope has no number of its first message');
  const common = readCommon(fields);
  const range: Range = [first as number, (first as number) + common.messages.length - 1];
  return { numbers: { producer, range }, ...common };
}

/** Decoders by version of the envelope. A later version of Lyftr wrote an envelope of any other version. */
const DECODERS: Readonly<Record<number, (fields: Fields) => ReadBatch>> = {
  1: (fields) => ({ numbers: undefined, ...readCommon(fields) }),
  2: readNumbered,
};

/**
 * Decodes and validates an envelope from Redis. Throws UnknownVersionError, or an Error that describes the damage. A
 * retry does not help.
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
