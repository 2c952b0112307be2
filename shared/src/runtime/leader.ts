/** Finds the leading writer. The lease names it, and the writer publishes its URL with its figures. */
import type { Redis } from 'ioredis';
import { SNAPSHOTS_KEY, type ProcessSnapshot } from '../metrics.js';

/** String: the instance of the leading writer. Expires when that writer stops renewing it. */
export const LEASE_KEY = 'lyftr:writer:lease';

export interface LeaderAddress {
  instance: string;
  /** Undefined until the writer has published its figures for the first time, a second after its start. */
  url: string | undefined;
}

/** Undefined while no writer holds the lease. Rejects when Redis is not responding. */
export async function findLeader(redis: Redis): Promise<LeaderAddress | undefined> {
  const instance = await redis.get(LEASE_KEY);
  if (instance === null) return undefined;
  const published = await redis.hget(SNAPSHOTS_KEY, instance);
  const url = published === null ? undefined : (JSON.parse(published) as Partial<ProcessSnapshot>).url;
  return { instance, url };
}
