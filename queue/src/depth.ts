/** Reads the number of jobs and the age of the oldest. */
import { JOB_STATES } from '@lyftr/shared/sample';
import { memoryUsedRatio } from '@lyftr/shared/runtime/redis';
import type { Redis } from 'ioredis';
import { queueKey } from './options.js';

export interface Depth {
  jobs: Record<(typeof JOB_STATES)[number], number>;
  /** Epoch milliseconds. Undefined when the queue is empty. */
  oldestJobAt: number | undefined;
  /** From 0 to 1. 0 when Redis has no memory limit. */
  memoryUsedRatio: number;
}

/**
 * BullMQ adds jobs at the head of `wait` and moves them from its tail to the head of `active`. So the oldest job is
 * at a tail.
 */
async function readOldest(redis: Redis, ids: (string | null)[]): Promise<number | undefined> {
  const pipeline = redis.pipeline();
  const oldest = ids.filter((id) => id !== null);
  if (oldest.length === 0) return undefined;
  for (const id of oldest) pipeline.hget(queueKey(id), 'timestamp');
  const times = ((await pipeline.exec()) ?? [])
    .map(([error, timestamp]) => (error === null && timestamp !== null ? Number(timestamp) : Number.NaN))
    .filter(Number.isFinite);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Takes two round trips. Rejects when Redis is not responding. */
export async function readDepth(redis: Redis): Promise<Depth> {
  const replies = await redis
    .pipeline()
    .info('memory')
    .lindex(queueKey('wait'), -1)
    .lindex(queueKey('active'), -1)
    .llen(queueKey('wait'))
    .llen(queueKey('active'))
    .zcard(queueKey('delayed'))
    .zcard(queueKey('failed'))
    .zcard(queueKey('completed'))
    .exec();
  const [memory, oldestWaiting, oldestActive, ...counts] = (replies ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  });
  const [waiting, active, delayed, failed, completed] = counts as [number, number, number, number, number];
  return {
    jobs: { waiting, active, delayed, failed, completed },
    memoryUsedRatio: memoryUsedRatio(memory as string),
    oldestJobAt: await readOldest(redis, [oldestWaiting as string | null, oldestActive as string | null]),
  };
}
