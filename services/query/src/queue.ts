/** What Redis knows: the figures that processes publish, and the queue. */
import type { Redis } from 'ioredis';
import { QUEUE_NAME, QUEUE_PREFIX } from '@lyftr/shared/job';
import { LEASE_KEY } from '@lyftr/shared/leader';
import { memoryUsedRatio } from '@lyftr/shared/redis';
import { SNAPSHOTS_KEY, type Snapshot } from '@lyftr/shared/metrics';
import type { JOB_STATES } from '@lyftr/shared/sample';

/** Field of SNAPSHOTS_KEY with the summed figures of processes that ended long ago. */
export const GONE_FIELD = '_gone';

export interface QueueReading {
  /** Without `gone`. */
  snapshots: Snapshot[];
  gone: Snapshot | undefined;
  /** The writer that may work; null while there is none. */
  leader: string | null;
  jobs: Record<(typeof JOB_STATES)[number], number>;
  /** Epoch milliseconds; undefined when nothing waits. */
  oldestJobAt: number | undefined;
  /** 0 to 1; 0 when Redis has no limit. */
  memoryUsedRatio: number;
}

const queueKey = (name: string): string => `${QUEUE_PREFIX}:${QUEUE_NAME}:${name}`;

/** `undefined` for what another version wrote and this one cannot read. */
export function parseSnapshot(json: string): Snapshot | undefined {
  try {
    const snapshot = JSON.parse(json) as Snapshot;
    return Array.isArray(snapshot.metrics) && typeof snapshot.at === 'number' ? snapshot : undefined;
  } catch {
    return undefined;
  }
}

function readSnapshots(published: Record<string, string>): Pick<QueueReading, 'snapshots' | 'gone'> {
  const { [GONE_FIELD]: gone, ...living } = published;
  return {
    snapshots: Object.values(living).flatMap((json) => parseSnapshot(json) ?? []),
    gone: gone === undefined ? undefined : parseSnapshot(gone),
  };
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
export async function readQueue(redis: Redis): Promise<QueueReading> {
  const replies = await redis
    .pipeline()
    .hgetall(SNAPSHOTS_KEY)
    .info('memory')
    .get(LEASE_KEY)
    .lindex(queueKey('wait'), -1)
    .lindex(queueKey('active'), -1)
    .llen(queueKey('wait'))
    .llen(queueKey('active'))
    .zcard(queueKey('delayed'))
    .zcard(queueKey('failed'))
    .zcard(queueKey('completed'))
    .exec();
  const [published, memory, leader, oldestWaiting, oldestActive, ...counts] = (replies ?? []).map(
    ([error, reply]) => {
      if (error !== null) throw error;
      return reply;
    },
  );
  const [waiting, active, delayed, failed, completed] = counts as [number, number, number, number, number];
  return {
    ...readSnapshots(published as Record<string, string>),
    leader: leader as string | null,
    jobs: { waiting, active, delayed, failed, completed },
    memoryUsedRatio: memoryUsedRatio(memory as string),
    oldestJobAt: await readOldest(redis, [oldestWaiting as string | null, oldestActive as string | null]),
  };
}
