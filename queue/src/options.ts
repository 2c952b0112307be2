/** The queue between ingest and writer: its name, and how BullMQ is to treat it. */
import type { DefaultJobOptions } from 'bullmq';

/** BullMQ keys are `lyftr:deliveries:*`. */
export const QUEUE_PREFIX = 'lyftr';
export const QUEUE_NAME = 'deliveries';

export const queueKey = (name: string): string => `${QUEUE_PREFIX}:${QUEUE_NAME}:${name}`;

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
