/** Reads Redis: the figures that processes publish, and the queue. */
import type { Redis } from 'ioredis';
import { readDepth, type Depth } from '@lyftr/queue/depth';
import { LEASE_KEY } from '@lyftr/shared/runtime/leader';
import { SNAPSHOTS_KEY, type ProcessSnapshot } from '@lyftr/shared/metrics';
import { KEYS_USED_KEY } from '@lyftr/shared/sources';

/** Field of SNAPSHOTS_KEY with the summed figures of retired processes. The name is fixed: Redis keeps it across versions. */
export const RETIRED_FIELD = '_gone';

export interface Published extends Depth {
  /** Without `retired`. */
  snapshots: ProcessSnapshot[];
  retired: ProcessSnapshot | undefined;
  /** The leading writer, or null. */
  leader: string | null;
  /** Field of a key (`keyUsedField`) → epoch milliseconds of its last use, as text. */
  keysUsed: Record<string, string>;
}

/** Returns undefined for a snapshot of another version that this one cannot read. */
export function parseSnapshot(json: string): ProcessSnapshot | undefined {
  try {
    const snapshot = JSON.parse(json) as ProcessSnapshot;
    return Array.isArray(snapshot.metrics) && typeof snapshot.at === 'number' ? snapshot : undefined;
  } catch {
    return undefined;
  }
}

function readSnapshots(published: Record<string, string>): Pick<Published, 'snapshots' | 'retired'> {
  const { [RETIRED_FIELD]: retired, ...living } = published;
  return {
    snapshots: Object.values(living).flatMap((json) => parseSnapshot(json) ?? []),
    retired: retired === undefined ? undefined : parseSnapshot(retired),
  };
}

/** Takes two round trips. Rejects when Redis is not responding. */
export async function readPublished(redis: Redis): Promise<Published> {
  const [depth, published, leader, keysUsed] = await Promise.all([
    readDepth(redis),
    redis.hgetall(SNAPSHOTS_KEY),
    redis.get(LEASE_KEY),
    redis.hgetall(KEYS_USED_KEY),
  ]);
  return { ...readSnapshots(published), ...depth, leader, keysUsed };
}
