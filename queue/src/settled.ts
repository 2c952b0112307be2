/**
 * Stores the settled numbers in Redis before the jobs leave the queue. Redis then knows every message that it ever
 * accepted, even those of a process that was killed before it published them. This shows message by message what is
 * missing from a database that was restored from an old copy.
 */
import { LEASE_KEY } from '@lyftr/shared/runtime/leader';
import type { Numbers } from '@lyftr/shared/batch';
import { SETTLED_KEY } from '@lyftr/shared/ledger';
import { union, type Range } from '@lyftr/shared/ranges';
import type { Redis } from 'ioredis';

/**
 * KEYS: lease, settled. ARGV: this writer, then pairs of producer and ranges. Fails when this writer was replaced,
 * because its numbers are then out of date.
 */
const NOTE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('LEASE this writer does not hold the lease') end
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
return 1`;

export interface Settled {
  /** Rejects when Redis is not responding or another writer holds the lease. */
  note(numbers: readonly Numbers[]): Promise<void>;
  /** Forgets a producer that Redis no longer lists. */
  release(producer: string): void;
}

export function createSettled(redis: Redis, instance: string): Settled {
  const known = new Map<string, Range[]>();

  /** Loads what earlier writers stored, so that it is kept. */
  async function load(producers: readonly string[]): Promise<void> {
    const unknown = producers.filter((producer) => !known.has(producer));
    if (unknown.length === 0) return;
    const kept = await redis.hmget(SETTLED_KEY, ...unknown);
    unknown.forEach((producer, i) => {
      const ranges = kept[i];
      known.set(producer, typeof ranges === 'string' ? (JSON.parse(ranges) as Range[]) : []);
    });
  }

  return {
    async note(numbers) {
      const producers = [...new Set(numbers.map(({ producer }) => producer))];
      if (producers.length === 0) return;
      await load(producers);
      const fields = producers.map((producer) => {
        const settled = numbers.filter((each) => each.producer === producer).map(({ range }) => range);
        const ranges = union(known.get(producer) ?? [], settled);
        known.set(producer, ranges);
        return [producer, JSON.stringify(ranges)];
      });
      await redis.eval(NOTE, 2, LEASE_KEY, SETTLED_KEY, instance, ...fields.flat());
    },
    release: (producer) => void known.delete(producer),
  };
}
