import { Worker, type Job } from 'bullmq';
import { QUEUE_NAME, QUEUE_PREFIX, readEnvelope } from '@lyftr/shared/job';
import { JOB_LOCK_MS } from '@lyftr/shared/limits';
import { rateLimited, type Logger } from '@lyftr/shared/log';
import { patientRedis } from '@lyftr/shared/redis';
import type { Redis } from 'ioredis';
import type { Batch } from './store.js';

/** Jobs in hand at a time, and so the most that one transaction can hold. */
const JOBS_IN_HAND_MAX = 64;
/** BullMQ waits 15 s by default before it fetches again after an error: the queue would stand still as long. */
const FETCH_RETRY_MS = 250;
/** A stalled job is moved back to waiting as often as it takes; by default the second stall fails it for good. */
const STALLS_MAX = Number.MAX_SAFE_INTEGER;

export interface Consumer {
  readonly redis: Redis;
  /** `ok`, or why no job can be fetched now. */
  state(): string;
  /** Stops fetching, and resolves when every job in hand is stored and completed. The connection stays open. */
  close(): Promise<void>;
}

const key = (name: string) => `${QUEUE_PREFIX}:${QUEUE_NAME}:${name}`;

function readBatch(job: Job): Batch {
  try {
    return readEnvelope(job.data);
  } catch (error) {
    return { corrupt: JSON.stringify(job.data) ?? 'null', reason: String(error) };
  }
}

/**
 * There is one writer, so every job that is active when it starts belonged to one that is gone. Taken at once: BullMQ
 * by itself waits for the lock to expire and for two of its checks, 60 to 100 s.
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

/** `store` resolves when the batch is on disk; only then is its job completed, and gone from Redis. */
export function startConsumer(
  redisUrl: string,
  store: (batch: Batch) => Promise<void>,
  log: Logger,
): Consumer {
  const redis = patientRedis(redisUrl);
  const logTrouble = rateLimited(1_000, (suppressed, err: unknown) => {
    log.warn({ err, suppressed }, 'the queue is in trouble');
  });
  const worker = new Worker(QUEUE_NAME, async (job) => store(readBatch(job)), {
    connection: redis,
    prefix: QUEUE_PREFIX,
    autorun: false,
    concurrency: JOBS_IN_HAND_MAX,
    lockDuration: JOB_LOCK_MS,
    stalledInterval: JOB_LOCK_MS,
    maxStalledCount: STALLS_MAX,
    runRetryDelay: FETCH_RETRY_MS,
    drainDelay: 5,
    removeOnComplete: { count: 0 },
  });
  // without a listener the first lost connection would end the process
  worker.on('error', logTrouble);
  redis.on('error', logTrouble);

  const running = (async () => {
    await worker.waitUntilReady();
    const orphans = await takeOrphans(worker, redis);
    if (orphans > 0) log.info({ jobs: orphans }, 'took over the jobs of a writer that is gone');
    await worker.run();
  })();
  running.catch(logTrouble);

  return {
    redis,
    state: () => (redis.status === 'ready' ? 'ok' : 'Redis does not answer'),
    close: () => worker.close(),
  };
}
