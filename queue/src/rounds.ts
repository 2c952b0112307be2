/**
 * Takes jobs from the queue in rounds: fetch together, store, complete together.
 *
 * Redis writes its file to disk once for all commands that arrive together, so a round costs it two fsyncs however many
 * jobs it has. BullMQ's own loop fetches and completes job by job; at 64 connections that was four fsyncs a job, and
 * the senders' acknowledgements waited behind them.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Queue, type Job } from 'bullmq';
import type { Batch, Numbers } from '@lyftr/shared/batch';
import type { Logger } from '@lyftr/shared/runtime/log';
import type { Redis } from 'ioredis';
import { UnknownVersionError } from './envelope.js';
import { beginRound, isFull, JobReader, readBatch } from './jobs.js';
import { QUEUE_NAME, QUEUE_PREFIX, queueKey } from './options.js';
import type { Settled } from './settled.js';

/**
 * While jobs keep coming a round begins this long after the one before: what gathers meanwhile shares its fsyncs. It
 * costs the sender nothing, whose acknowledgement is Redis's, and the first job after a pause is taken at once.
 */
const ROUND_MS = 50;
/**
 * Jobs that are fetched or completed with one write to Redis. Its scripts take about 0.1 ms each and nothing runs between
 * them: 64 in a row kept senders waiting 8 ms for their acknowledgement at p99.
 */
const TOGETHER_MAX = 8;
/** How long Redis holds the question whether there is a job. */
const BLOCK_SECONDS = 5;
const RETRY_MS = 250;
/** Between two looks at a batch that this writer cannot read. */
const HOLD_MS = 1_000;
/**
 * There is one writer, and whoever takes over takes every active job, so a lock protects from nobody. It must only never
 * run out: a long transaction could not renew it.
 */
const LOCK_MS = 24 * 60 * 60 * 1_000;

export interface Rounds {
  /** Stops fetching, and resolves when every job in hand is stored and completed. The connection stays open. */
  close(): Promise<void>;
  /** Jobs that were fetched and are not completed. */
  inHand(): number;
  /** `ok`, or why the queue is held. */
  state(): string;
}

export interface RoundsOptions {
  redis: Redis;
  /** This writer, which holds the lease. */
  instance: string;
  /** Resolves with what is settled when the batches are on disk; only then are their jobs completed, and gone from Redis. */
  handle: (batches: readonly Batch[]) => Promise<Numbers[]>;
  settled: Settled;
  /** Told of everything that Redis fails at. */
  trouble: (error: unknown) => void;
  log: Logger;
}

/** TOGETHER_MAX at a time, so that others get their turn in between. */
async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += TOGETHER_MAX) {
    results.push(...(await Promise.all(items.slice(from, from + TOGETHER_MAX).map(work))));
  }
  return results;
}

/** Nothing of ours fails a job. Whatever lies in *failed* all the same, put there by hand or by a bug, is tried again. */
async function retryFailed(redis: Redis): Promise<void> {
  if ((await redis.zcard(queueKey('failed'))) === 0) return;
  const queue = new Queue(QUEUE_NAME, { connection: redis, prefix: QUEUE_PREFIX, skipMetasUpdate: true });
  try {
    await queue.retryJobs({ state: 'failed' });
  } finally {
    await queue.close();
  }
}

/** The batches of the first jobs, up to one of a version that is not known. */
function readBatches(jobs: readonly Job[]): { batches: Batch[]; held: string | undefined } {
  const batches: Batch[] = [];
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
  // without a processor: it fetches and completes when it is told to
  const worker = new JobReader(QUEUE_NAME, undefined, {
    connection: redis,
    prefix: QUEUE_PREFIX,
    lockDuration: LOCK_MS,
    // ingest looks at the version; a worker that was refused this question at its start would never work again
    skipVersionCheck: true,
    // a job is moved back to waiting as often as it takes; by default the second time fails it for good
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    removeOnComplete: { count: 0 },
  });
  // without a listener the first lost connection would end the process
  worker.on('error', trouble);

  let closing = false;
  let token = 0;
  let inHand = 0;
  let held: string | undefined;

  function hold(reason: string | undefined): void {
    if (reason !== undefined && held === undefined) log.error({ reason }, 'the queue is held');
    if (reason === undefined && held !== undefined) log.info('the queue is not held any more');
    held = reason;
  }

  /** The oldest jobs. None when another writer took some at the same time: `isEmpty` says that none waited. */
  async function fetch(): Promise<{ jobs: Job[]; isEmpty: boolean }> {
    const { orphans, width } = await beginRound(redis, instance);
    if (orphans > 0) log.info({ jobs: orphans }, 'took back jobs that a writer left in hand');
    if (width === 0) return { jobs: [], isEmpty: true };
    const places = Array.from({ length: width }, () => `${worker.id}:${token++}`);
    const fetched = await inTurns(places, (place) => worker.getNextJob(place, { block: false }));
    const jobs = fetched.filter((job) => job !== undefined);
    // a writer that was paused wakes and takes jobs before it finds itself replaced: ours may be newer than those
    const active = await redis.llen(queueKey('active'));
    return { jobs: active === jobs.length ? jobs : [], isEmpty: false };
  }

  /** Returns the number of jobs that were settled, and whether there was none. */
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
        // whatever was cut off, the jobs in hand are orphans now, and the ledger knows those that were committed
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
      // ends the wait for a job
      await worker.getBackend().disconnectBlocking(false);
      await running;
      await worker.close();
    },
  };
}
