/**
 * Takes jobs from the queue in rounds: fetch together, store in one transaction, complete together.
 *
 * Redis writes its file to disk once for all commands that arrive together, so a round costs it two fsyncs however many
 * jobs it has. BullMQ's own loop fetches and completes job by job; at 64 connections that was four fsyncs a job, and
 * the senders' acknowledgements waited behind them.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Queue, Worker, type Job } from 'bullmq';
import { QUEUE_NAME, QUEUE_PREFIX, readEnvelope } from '@lyftr/shared/job';
import type { Logger } from '@lyftr/shared/log';
import type { Redis } from 'ioredis';
import { messagesIn } from './group.js';
import type { Batch } from './batch.js';

/**
 * While jobs keep coming a round begins this long after the one before: what gathers meanwhile shares its fsyncs. It
 * costs the sender nothing, whose acknowledgement is Redis's, and the first job after a pause is taken at once.
 */
const ROUND_MS = 50;
const ROUND_JOBS_MAX = 64;
/**
 * Jobs that are fetched or completed with one write to Redis. Its scripts take about 0.1 ms each and nothing runs between
 * them: 64 in a row kept senders waiting 8 ms for their acknowledgement at p99.
 */
const TOGETHER_MAX = 8;
/** Beyond this a transaction would block the event loop for too long. */
const ROUND_MESSAGES_MAX = 4_000;
/**
 * A writer that was paused may wake behind its successor's start, and take jobs before it finds itself replaced and ends.
 * So orphans are looked for all the time, between two rounds.
 */
const ORPHANS_LOOK_MS = 1_000;
/** How long Redis holds the question whether there is a job. */
const BLOCK_SECONDS = 5;
const RETRY_MS = 250;
/**
 * There is one writer, and whoever takes over takes every active job (`takeOrphans`), so a lock protects from nobody.
 * It must only never run out: a long transaction could not renew it.
 */
const LOCK_MS = 24 * 60 * 60 * 1_000;

export interface Consumer {
  /** Stops fetching, and resolves when every job in hand is stored and completed. The connection stays open. */
  close(): Promise<void>;
  /** Jobs that were fetched and are not completed. */
  inHand(): number;
}

const key = (name: string): string => `${QUEUE_PREFIX}:${QUEUE_NAME}:${name}`;

function readBatch(job: Job): Batch {
  try {
    return readEnvelope(job.data);
  } catch (error) {
    return { corrupt: JSON.stringify(job.data) ?? 'null', reason: String(error) };
  }
}

/**
 * Every job that is active while nothing is in hand belonged to a writer that is gone, or to a round that Redis cut
 * off. Taken back at once: BullMQ by itself waits for the lock to run out and for two of its checks.
 */
async function takeOrphans(worker: Worker, redis: Redis): Promise<number> {
  const ids = await redis.lrange(key('active'), 0, -1);
  if (ids.length === 0) return 0;
  await redis
    .multi()
    .sadd(key('stalled'), ...ids)
    .del(key('stalled-check'), ...ids.map((id) => key(`${id}:lock`)))
    .exec();
  const moved = await worker.getBackend().moveStalledJobsToWait();
  return moved.length;
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
  if ((await redis.zcard(key('failed'))) === 0) return;
  const queue = new Queue(QUEUE_NAME, { connection: redis, prefix: QUEUE_PREFIX, skipMetasUpdate: true });
  try {
    await queue.retryJobs({ state: 'failed' });
  } finally {
    await queue.close();
  }
}

/**
 * `store` resolves when the batches are on disk; only then are their jobs completed, and gone from Redis. `trouble` is
 * told of everything that Redis fails at.
 */
export function startConsumer(
  redis: Redis,
  store: (batches: readonly Batch[]) => Promise<void>,
  trouble: (error: unknown) => void,
  log: Logger,
): Consumer {
  // without a processor: it fetches and completes when it is told to
  const worker = new Worker(QUEUE_NAME, undefined, {
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
  let messagesPerJob = 1;
  let inHand = 0;

  async function fetch(): Promise<Job[]> {
    const waiting = await redis.llen(key('wait'));
    const width = Math.min(waiting, ROUND_JOBS_MAX, Math.ceil(ROUND_MESSAGES_MAX / messagesPerJob));
    const places = Array.from({ length: width }, () => `${worker.id}:${token++}`);
    const jobs = await inTurns(places, (place) => worker.getNextJob(place, { block: false }));
    return jobs.filter((job) => job !== undefined);
  }

  /** Returns the number of jobs; 0 when none waited. */
  async function round(): Promise<number> {
    const jobs = await fetch();
    if (jobs.length === 0) return 0;
    inHand = jobs.length;
    const batches = jobs.map(readBatch);
    await store(batches);
    await inTurns(jobs, (job) => job.moveToCompleted(0, job.token ?? '', false));
    inHand = 0;
    const messages = batches.reduce((sum, batch) => sum + messagesIn(batch), 0);
    messagesPerJob = Math.max(1, messages / jobs.length);
    return jobs.length;
  }

  async function consume(): Promise<void> {
    await retryFailed(redis);
    let lookedAt = -Infinity;
    while (!closing) {
      const startedAt = performance.now();
      if (startedAt - lookedAt >= ORPHANS_LOOK_MS) {
        lookedAt = startedAt;
        const orphans = await takeOrphans(worker, redis);
        if (orphans > 0) log.info({ jobs: orphans }, 'took back jobs that a writer left in hand');
      }
      const jobs = await round();
      if (closing) return;
      if (jobs === 0) await worker.getBackend().waitForJob(BLOCK_SECONDS);
      else if (jobs < ROUND_JOBS_MAX) await delay(Math.max(0, ROUND_MS - (performance.now() - startedAt)));
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
    async close() {
      closing = true;
      // ends the wait for a job
      await worker.getBackend().disconnectBlocking(false);
      await running;
      await worker.close();
    },
  };
}
