/** What Redis knows: the figures that processes publish, and the queue. */
import type { Redis } from 'ioredis';
import { readDepth, type Depth } from '@lyftr/queue/depth';
import { LEASE_KEY } from '@lyftr/shared/runtime/leader';
import { SNAPSHOTS_KEY, type Snapshot } from '@lyftr/shared/metrics';

/** Field of SNAPSHOTS_KEY with the summed figures of processes that ended long ago. */
export const GONE_FIELD = '_gone';

export interface Published extends Depth {
  /** Without `gone`. */
  snapshots: Snapshot[];
  gone: Snapshot | undefined;
  /** The writer that may work; null while there is none. */
  leader: string | null;
}

/** `undefined` for what another version wrote and this one cannot read. */
export function parseSnapshot(json: string): Snapshot | undefined {
  try {
    const snapshot = JSON.parse(json) as Snapshot;
    return Array.isArray(snapshot.metrics) && typeof snapshot.at === 'number' ? snapshot : undefined;
  } catch {
    return undefined;
  }
}

function readSnapshots(published: Record<string, string>): Pick<Published, 'snapshots' | 'gone'> {
  const { [GONE_FIELD]: gone, ...living } = published;
  return {
    snapshots: Object.values(living).flatMap((json) => parseSnapshot(json) ?? []),
    gone: gone === undefined ? undefined : parseSnapshot(gone),
  };
}

/** Rejects when Redis does not answer; takes two round trips. */
export async function readPublished(redis: Redis): Promise<Published> {
  const [depth, published, leader] = await Promise.all([
    readDepth(redis),
    redis.hgetall(SNAPSHOTS_KEY),
    redis.get(LEASE_KEY),
  ]);
  return { ...readSnapshots(published), ...depth, leader };
}
