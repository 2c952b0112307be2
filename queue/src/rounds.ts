/**
 * Processes jobs in rounds: fetches several, stores them together, completes them together.
 *
 * Redis syncs its file once for all commands that arrive together. A round therefore costs two fsyncs, whatever the
 * number of its jobs. BullMQ's own loop fetches and completes job by job. At 64 connections, that took four fsyncs
 * for each job, and the acknowledgements of the senders had to wait for them.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Queue, type Job } from 'bullmq';
import type { Numbers, QueueBatch } from '@lyftr/shared/batch';
import type { Logger } from '@lyftr/shared/runtime/log';
import type { Redis } from 'ioredis';
import { UnknownVersionError } from './envelope.js';
import { beginRound, isFull, JobReader, readBatch } from './jobs.js';
import { QUEUE_NAME, QUEUE_PREFIX, queueKey } from './options.js';
import type { Settled } from './settled.js';

/**
 * Under load, a round begins this long after the previous one, so that more jobs share its fsyncs. Senders do not
 * wait for this, because Redis has already acknowledged their messages. The first job after a pause is processed at
 * once.
 */
const ROUND_MS = 50;
/**
 * Jobs that are fetched or completed with one write to Redis. Each script takes about 0.1 ms and blocks Redis. With
 * 64 scripts in a row, senders waited 8 ms for their acknowledgement at p99.
 */
const TOGETHER_MAX = 8;
/** How long a blocking call waits for a job. */
const BLOCK_SECONDS = 5;
const RETRY_MS = 250;
/** Interval at which the writer looks again at a batch that it cannot read. */
const HOLD_MS = 1_000;
/**
 * Locks are not needed here: there is one writer, and its successor puts back every active job. A lock must only
 * never expire, because a long transaction could not renew it.
 */
const LOCK_MS = 24 * 60 * 60 * 1_000;

export interface Rounds {
  /** Stops fetching. Resolves when every fetched job is stored and completed. The connection stays open. */
  close(): Promise<void>;
  /** Number of jobs that are fetched and not completed. */
  inHand(): number;
  /** `ok`, or why the writer holds the queue. */
  state(): string;
}

export interface RoundsOptions {
  redis: Redis;
  /** The instance of this writer, which holds the lease. */
  instance: string;
  /**
   * Stores the batches. Resolves with the settled numbers when they are on disk. Only then are the jobs completed and
   * removed from Redis.
   */
  handle: (batches: readonly QueueBatch[]) => Promise<Numbers[]>;
  settled: Settled;
  /** Called for every error of Redis. */
  trouble: (error: unknown) => void;
  log: Logger;
}

/** Processes TOGETHER_MAX items at a time, so that other clients get their turn in between. */
async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += TOGETHER_MAX) {
    results.push(...(await Promise.all(items.slice(from, from + TOGETHER_MAX).map(work))));
  }
  return results;
}

/** Retries jobs in *failed*. Lyftr never fails a job, but an operator or a bug can. */
async function retryFailed(redis: Redis): Promise<void> {
  if ((await redis.zcard(queueKey('failed'))) === 0) return;
  const queue = new Queue(QUEUE_NAME, { connection: redis, prefix: QUEUE_PREFIX, skipMetasUpdate: true });
  try {
    await queue.retryJobs({ state: 'failed' });
  } finally {
    await queue.close();
  }
}

/** The batches of the jobs, in order, up to the first one of an unknown version. */
function readBatches(jobs: readonly Job[]): { batches: QueueBatch[]; held: string | undefined } {
  const batches: QueueBatch[] = [];
  for (const job of jobs) {
    try {
      batches.push(readBatch(job));
    } catch (error) {
      if (error instanceof UnknownVersionError) return { batches, held: error.message };
      throw error;
    }
  }
  return { batches, held: undefined };
}

export function startRounds({ redis, instance, handle, settled, trouble, log }: RoundsOptions): Rounds {
  // without a processor, the worker fetches and completes only on request
  const worker = new JobReader(QUEUE_NAME, undefined, {
    connection: redis,
    prefix: QUEUE_PREFIX,
    lockDuration: LOCK_MS,
    // ingest checks the version; a worker whose check was refused at the start would never work again
    skipVersionCheck: true,
    // no limit: by default, a job that is put back a second time fails for good
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    removeOnComplete: { count: 0 },
  });
  // without a listener, the first lost connection would end the process
  worker.on('error', trouble);

  let closing = false;
  let token = 0;
  let inHand = 0;
  let held: string | undefined;

  function hold(reason: string | undefined): void {
    if (reason !== undefined && held === undefined) log.error({ reason }, 'the writer holds the queue');
    if (reason === undefined && held !== undefined) log.info('the writer no longer holds the queue');
    held = reason;
  }

  /**
   * Fetches the oldest jobs. Returns none when another writer fetched jobs at the same time. `isEmpty` is true when
   * none were waiting.
   */
  async function fetch(): Promise<{ jobs: Job[]; isEmpty: boolean }> {
    const { orphans, width } = await beginRound(redis, instance);
    if (orphans > 0) log.info({ jobs: orphans }, 'put back jobs that an earlier writer had fetched');
    if (width === 0) return { jobs: [], isEmpty: true };
    const places = Array.from({ length: width }, () => `${worker.id}:${token++}`);
    const fetched = await inTurns(places, (place) => worker.getNextJob(place, { block: false }));
    const jobs = fetched.filter((job) => job !== undefined);
    // a paused writer may wake and fetch older jobs before it notices that it was replaced
    const active = await redis.llen(queueKey('active'));
    return { jobs: active === jobs.length ? jobs : [], isEmpty: false };
  }

  /** Returns the number of settled jobs, and whether the queue was empty. */
  async function round(): Promise<{ done: number; isEmpty: boolean }> {
    const { jobs, isEmpty } = await fetch();
    const { batches, held: reason } = readBatches(jobs);
    inHand = batches.length;
    if (batches.length > 0) {
      const numbers = await handle(batches);
      await settled.note(numbers.filter(({ range: [first, last] }) => first <= last));
      await inTurns(jobs.slice(0, batches.length), (job) => job.moveToCompleted(0, job.token ?? '', false));
    }
    inHand = 0;
    if (jobs.length > 0) hold(reason);
    return { done: batches.length, isEmpty };
  }

  async function consume(): Promise<void> {
    await retryFailed(redis);
    while (!closing) {
      const startedAt = performance.now();
      const { done, isEmpty } = await round();
      if (closing) return;
      if (held !== undefined) await delay(HOLD_MS);
      else if (isEmpty) await worker.getBackend().waitForJob(BLOCK_SECONDS);
      else if (!isFull(done)) await delay(Math.max(0, ROUND_MS - (performance.now() - startedAt)));
    }
  }

  const running = (async () => {
    await worker.waitUntilReady();
    while (!closing) {
      try {
        await consume();
      } catch (error) {
        if (closing) return;
        // the next round puts these jobs back, and the ledger recognises the batches that were committed
        trouble(error);
        await delay(RETRY_MS);
      }
    }
  })();
  running.catch(trouble);

  return {
    inHand: () => inHand,
    state: () => held ?? 'ok',
    async close() {
      closing = true;
      // ends the blocking call
      await worker.getBackend().disconnectBlocking(false);
      await running;
      await worker.close();
    },
  };
}
