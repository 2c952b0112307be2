/**
 * Batches that were acknowledged and never came: neither committed nor in the queue. Redis lost them, as one does that
 * was restored from an old copy.
 *
 * Read in this order: what was acknowledged, what the queue holds, what is committed. A batch leaves the queue only
 * after its commit, so one that is still on its way is seen in one of the two, and never taken for lost.
 */
import type { Redis } from 'ioredis';
import { batchOfJob, QUEUE_NAME, QUEUE_PREFIX } from './job.js';
import { ACKNOWLEDGED_KEY } from './metrics.js';

export type Range = [first: number, last: number];
export type Batches = Map<string, Range[]>;

/** A longer queue is not looked through: while so much waits, nobody can say what is missing. */
const QUEUE_JOBS_MAX = 20_000;

export async function readAcknowledged(redis: Redis): Promise<Batches> {
  const published = await redis.hgetall(ACKNOWLEDGED_KEY);
  return new Map(
    Object.entries(published).map(([producer, json]) => [producer, JSON.parse(json) as Range[]]),
  );
}

/** What of `ranges` no range of `covered` holds. Both are ordered by their first number. */
export function subtract(ranges: readonly Range[], covered: readonly Range[]): Range[] {
  const rest: Range[] = [];
  for (const [first, last] of ranges) {
    let from = first;
    for (const [coveredFirst, coveredLast] of covered) {
      if (coveredLast < from || coveredFirst > last) continue;
      if (coveredFirst > from) rest.push([from, coveredFirst - 1]);
      from = coveredLast + 1;
    }
    if (from <= last) rest.push([from, last]);
  }
  return rest;
}

/** The batches that the queue holds, in whatever state; undefined when it is too long to look through. */
export async function readQueued(redis: Redis): Promise<Batches | undefined> {
  const key = (name: string): string => `${QUEUE_PREFIX}:${QUEUE_NAME}:${name}`;
  const lists = await Promise.all([
    redis.lrange(key('wait'), 0, QUEUE_JOBS_MAX),
    redis.lrange(key('active'), 0, QUEUE_JOBS_MAX),
    redis.zrange(key('failed'), '0', String(QUEUE_JOBS_MAX)),
    redis.zrange(key('delayed'), '0', String(QUEUE_JOBS_MAX)),
  ]);
  const ids = lists.flat();
  if (ids.length > QUEUE_JOBS_MAX) return undefined;
  const pipeline = redis.pipeline();
  for (const id of ids) pipeline.hget(key(id), 'name');
  const names = (await pipeline.exec()) ?? [];
  const queued: Batches = new Map();
  for (const [error, name] of names) {
    if (error !== null) throw error;
    const batch = batchOfJob(String(name));
    if (batch === undefined) continue;
    const ranges = queued.get(batch.producer) ?? [];
    ranges.push([batch.seq, batch.seq]);
    queued.set(batch.producer, ranges);
  }
  for (const ranges of queued.values()) ranges.sort(([a], [b]) => a - b);
  return queued;
}

/**
 * By producer; producers that miss nothing are left out. Undefined when it cannot be told now. `readStore` gives what
 * the database accounts for of these producers.
 */
export async function findMissing(
  redis: Redis,
  readStore: (producers: readonly string[]) => Batches,
): Promise<Batches | undefined> {
  const acknowledged = await readAcknowledged(redis);
  const queued = await readQueued(redis);
  const committed = readStore([...acknowledged.keys()]);
  if (queued === undefined) return undefined;
  const missing: Batches = new Map();
  for (const [producer, ranges] of acknowledged) {
    const outstanding = subtract(ranges, committed.get(producer) ?? []);
    const lost = outstanding.length === 0 ? [] : subtract(outstanding, queued.get(producer) ?? []);
    if (lost.length > 0) missing.set(producer, lost);
  }
  return missing;
}

export function countBatches(batches: Batches): number {
  let count = 0;
  for (const ranges of batches.values()) for (const [first, last] of ranges) count += last - first + 1;
  return count;
}
