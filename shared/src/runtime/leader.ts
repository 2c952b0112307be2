/** Which writer works, and where it listens: the lease names it, and the writer publishes the rest with its figures. */
import type { Redis } from 'ioredis';
import { SNAPSHOTS_KEY, type Snapshot } from '../metrics.js';

/** String: the instance of the writer that may work. It expires when that writer no longer renews it. */
export const LEASE_KEY = 'lyftr:writer:lease';

export interface LeaderAddress {
  instance: string;
  /** Undefined until it has published for the first time, a second after its start. */
  url: string | undefined;
}

/** Undefined while no writer holds the lease. Rejects when Redis does not answer. */
export async function findLeader(redis: Redis): Promise<LeaderAddress | undefined> {
  const instance = await redis.get(LEASE_KEY);
  if (instance === null) return undefined;
  const published = await redis.hget(SNAPSHOTS_KEY, instance);
  const url = published === null ? undefined : (JSON.parse(published) as Partial<Snapshot>).url;
  return { instance, url };
}
