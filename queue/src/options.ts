/** The name of the queue between ingest and writer, and its BullMQ options. */
import type { DefaultJobOptions } from 'bullmq';

/** BullMQ keys are `lyftr:deliveries:*`. */
export const QUEUE_PREFIX = 'lyftr';
export const QUEUE_NAME = 'deliveries';

export const queueKey = (name: string): string => `${QUEUE_PREFIX}:${QUEUE_NAME}:${name}`;

/**
 * All options are explicit, so that a changed default of BullMQ has no effect. The queue never retries a job: the
 * writer holds a batch until it is stored. `removeOnFail: false` keeps every failed job for inspection.
 */
export const JOB_OPTIONS: DefaultJobOptions = {
  attempts: 1,
  removeOnComplete: true,
  removeOnFail: false,
  stackTraceLimit: 1,
  keepLogs: 0,
};

/**
 * BullMQ appends an event for every change of state to a stream that Lyftr does not read. Keep 1 entry instead of
 * 10,000.
 */
export const QUEUE_EVENTS_MAX = 1;
