/**
 * The queue between ingest and writer: its name, and the envelope of a job.
 *
 * One job carries a batch. A message travels as a tuple, not as an object: the names of the members would be
 * repeated in Redis for every message (45 of the 142 bytes of a typical body). `extra` travels as JSON text,
 * because it is stored as text: the writer never parses what it does not need.
 */
import type { DefaultJobOptions } from 'bullmq';
import { givenRequestId } from './request-id.js';

/** BullMQ keys are `lyftr:deliveries:*`. */
export const QUEUE_PREFIX = 'lyftr';
export const QUEUE_NAME = 'deliveries';

/**
 * A job is named after its batch, so that the ledger can tell which batches wait in the queue without reading them.
 * A producer's name has no colon.
 */
export function jobName(producer: string, seq: number): string {
  return `${producer}:${seq}`;
}

/** The batch that a job is named after, or undefined when the name is of another making. */
export function batchOfJob(name: string): { producer: string; seq: number } | undefined {
  const match = /^([^:]+):([1-9]\d*)$/.exec(name);
  return match === null ? undefined : { producer: match[1] as string, seq: Number(match[2]) };
}

/** `[message_id, from, to, ts, text, extra?]`; `extra` is the JSON text of an object. */
export type MessageTuple = [string, string, string, number, string, string?];

/** `[request id, index of its first message, number of its messages]` of a delivery whose sender gave it an id. */
export type Trace = [requestId: string, first: number, messages: number];

export interface Envelope {
  /** Version of this layout. A writer refuses a version that it does not know. */
  v: 1;
  /** The ingest process that enqueued the batch: its instance id, new at each start. */
  producer: string;
  /** Numbers the batches of one producer from 1; an add that failed may leave a hole. */
  seq: number;
  /** Epoch milliseconds at which the oldest message of the batch was validated. */
  at: number;
  messages: MessageTuple[];
  /** Absent when no sender gave an id; writers older than it do not look at it. */
  trace?: Trace[];
}

/**
 * Said in full, so that a changed default cannot change us. A job is never retried by the queue: the writer
 * holds a batch until it is stored. `removeOnFail: false` keeps whatever lands in *failed* for inspection.
 */
export const JOB_OPTIONS: DefaultJobOptions = {
  attempts: 1,
  removeOnComplete: true,
  removeOnFail: false,
  stackTraceLimit: 1,
  keepLogs: 0,
};

/** BullMQ appends an event per state change to a stream that nobody here reads: keep one entry, not 10,000. */
export const QUEUE_EVENTS_MAX = 1;

export const isMessageTuple = (value: unknown): value is MessageTuple =>
  Array.isArray(value) &&
  (value.length === 5 || value.length === 6) &&
  typeof value[0] === 'string' &&
  typeof value[1] === 'string' &&
  typeof value[2] === 'string' &&
  Number.isSafeInteger(value[3]) &&
  typeof value[4] === 'string' &&
  (value.length === 5 || typeof value[5] === 'string');

const isTrace = (value: unknown): value is Trace =>
  Array.isArray(value) &&
  value.length === 3 &&
  givenRequestId(value[0] as string) !== undefined &&
  Number.isSafeInteger(value[1]) &&
  Number.isSafeInteger(value[2]);

/** The id that a sender gave to the delivery of a message, or undefined. */
export function requestIdAt({ trace }: Envelope, index: number): string | undefined {
  return trace?.find(([, first, messages]) => index >= first && index < first + messages)?.[0];
}

/** What came out of Redis, checked before it is trusted. Throws an Error that says what is wrong; no retry helps. */
export function readEnvelope(data: unknown): Envelope {
  if (typeof data !== 'object' || data === null) throw new Error('the envelope is not an object');
  const { v, producer, seq, at, messages, trace } = data as Record<string, unknown>;
  if (v !== 1) throw new Error(`envelope version ${String(v)} is not known to this writer`);
  if (typeof producer !== 'string' || producer === '') throw new Error('the envelope names no producer');
  if (!Number.isSafeInteger(seq) || (seq as number) < 1)
    throw new Error('the envelope has no sequence number');
  if (!Number.isSafeInteger(at)) throw new Error('the envelope has no time of acceptance');
  if (!Array.isArray(messages) || !messages.every(isMessageTuple))
    throw new Error('the envelope has malformed messages');
  const envelope = data as Envelope;
  // it is for the log alone, and must not cost a message
  if (trace !== undefined && !(Array.isArray(trace) && trace.every(isTrace))) delete envelope.trace;
  return envelope;
}
