/** How many jobs there are, and how old the oldest is. */
import { JOB_STATES } from '@lyftr/shared/sample';
import { memoryUsedRatio } from '@lyftr/shared/runtime/redis';
import type { Redis } from 'ioredis';
import { queueKey } from './options.js';

export interface Depth {
  jobs: Record<(typeof JOB_STATES)[number], number>;
  /** Epoch milliseconds; undefined when nothing waits. */
  oldestJobAt: number | undefined;
  /** 0 to 1; 0 when Redis has no limit. */
  memoryUsedRatio: number;
}

/** BullMQ pushes at the head of `wait` and moves jobs from its tail to the head of `active`: tails are oldest. */
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

/** Rejects when Redis does not answer; takes two round trips. */
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
