/** Is there room in the queue? Asked once a second, so that the path of a message asks only a variable. */
import { rateLimited, type Logger } from '@lyftr/shared/log';
import { ACCEPTED_KEY, SETTLED_KEY } from '@lyftr/shared/metrics';
import type { Redis } from 'ioredis';

const POLL_INTERVAL_MS = 1_000;
/** At `maxmemory` the writer cannot complete a job either, so intake has to stop well below it. */
const MEMORY_SHARE_MAX = 0.8;

/** Messages acknowledged and not yet settled; a producer whose last figures are missing counts as drained. */
export function depthOf(accepted: Record<string, string>, settled: Record<string, string>): number {
  let depth = 0;
  for (const [producer, count] of Object.entries(accepted)) {
    depth += Math.max(0, Number(count) - Number(settled[producer] ?? 0));
  }
  return depth;
}

/** Share of `maxmemory` in use, from `INFO memory`; 0 when there is no limit. */
export function memoryShare(info: string): number {
  const figure = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
  const limit = figure('maxmemory');
  return limit === 0 ? 0 : figure('used_memory') / limit;
}

export interface Room {
  /** Why there is none, or undefined when there is. */
  full(): string | undefined;
  stop(): void;
}

export function watchRoom(redis: Redis, highWaterMessages: number, log: Logger): Room {
  let reason: string | undefined;
  const logFailure = rateLimited(10_000, (suppressed, err: unknown) => {
    log.warn({ err, suppressed }, 'the depth of the queue cannot be read');
  });

  async function poll(): Promise<void> {
    if (redis.status !== 'ready') return;
    const [accepted, settled, info] = await Promise.all([
      redis.hgetall(ACCEPTED_KEY),
      redis.hgetall(SETTLED_KEY),
      redis.info('memory'),
    ]);
    const depth = depthOf(accepted, settled);
    const share = memoryShare(info);
    let next: string | undefined;
    if (depth >= highWaterMessages) next = `${depth} messages wait in the queue`;
    else if (share >= MEMORY_SHARE_MAX) next = `Redis has used ${Math.round(share * 100)} % of its memory`;
    if (next !== undefined && reason === undefined) log.warn({ reason: next }, 'the queue is full');
    if (next === undefined && reason !== undefined) log.info('the queue has room again');
    reason = next;
  }

  let polling = false;
  const timer = setInterval(() => {
    if (polling) return;
    polling = true;
    poll()
      .catch(logFailure)
      .finally(() => (polling = false));
  }, POLL_INTERVAL_MS);

  return {
    full: () => reason,
    stop: () => clearInterval(timer),
  };
}
