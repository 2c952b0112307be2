/**
 * Gives up what was acknowledged and is gone, by the word of an operator. It is not hidden: it moves from what waits to
 * what was written off. A batch that comes after all is stored, and moves on.
 *
 * Read as missing batches are everywhere: what was acknowledged, what the queue holds, and then, in the transaction,
 * what is committed.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ProblemError } from '@lyftr/shared/errors';
import { PROCESS_STALE_MS } from '@lyftr/shared/limits';
import { countBatches, readQueued, type Batches } from '@lyftr/shared/missing';
import type { Redis } from 'ioredis';
import type { Lost } from './account.js';
import { claimOf, readListing, type Listed } from './finish.js';
import type { Store } from './store.js';

const REDIS_MS = 5_000;

export interface WriteOffAnswer {
  batches: number;
  messages: number;
  producers: { producer: string; batches: number; messages: number }[];
}

const refused = (detail: string): ProblemError => new ProblemError('not-written-off', detail);

async function readRedis(redis: Redis): Promise<{ listed: Listed[]; queued: Batches | undefined }> {
  const { listed } = await readListing(redis);
  return { listed, queued: await readQueued(redis) };
}

/** The connection waits for a Redis that is away; who asked does not. */
async function readInTime(redis: Redis): ReturnType<typeof readRedis> {
  const away = new ProblemError('not-ready', 'Redis does not answer, and half of the ledger is there.');
  if (redis.status !== 'ready') throw away;
  const ended = new AbortController();
  try {
    return await Promise.race([
      readRedis(redis).catch(() => Promise.reject(away)),
      delay(REDIS_MS, undefined, { signal: ended.signal }).then(() => Promise.reject(away)),
    ]);
  } finally {
    ended.abort();
  }
}

const isAlive = ({ snapshot }: Listed, now: number): boolean =>
  snapshot !== undefined && !snapshot.stopped && now - snapshot.at <= PROCESS_STALE_MS;

const batchesOf = ({ producer, ranges }: Lost): number => countBatches(new Map([[producer, ranges]]));
const total = (counts: number[]): number => counts.reduce((sum, count) => sum + count, 0);

/** `batches` is how many the operator has seen to be missing. Rejects with ProblemError when it cannot be done now. */
export async function writeOff(redis: Redis, store: Store, batches: number): Promise<WriteOffAnswer> {
  const { listed, queued } = await readInTime(redis);
  if (queued === undefined)
    throw refused('The queue is too long to tell what is missing: try again when it is drained.');
  const alive = new Set(listed.filter((each) => isAlive(each, Date.now())).map(({ producer }) => producer));

  function demand(lost: readonly Lost[]): void {
    const found = total(lost.map(batchesOf));
    if (found !== batches) throw refused(`Now ${found} batches are missing, and not ${batches}: look again.`);
    for (const { producer, isQueued, isAhead } of lost) {
      if (isQueued) throw refused(`Jobs of ${producer} wait in the queue: try again when they are stored.`);
      if (isAhead && alive.has(producer))
        throw refused(`${producer} takes messages meanwhile: try again, or restart it first.`);
    }
  }

  const lost = store.writeOff(listed.map(claimOf), queued, demand);
  const producers = lost.map((each) => ({
    producer: each.producer,
    batches: batchesOf(each),
    messages: each.messages,
  }));
  return { batches, messages: total(producers.map(({ messages }) => messages)), producers };
}
