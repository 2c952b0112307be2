/** Checks once a second whether the queue has room. The path of a message only reads a variable. */
import { rateLimited, type Logger } from '@lyftr/shared/runtime/log';
import { CONFIRMED_KEY, ENDED_KEY, SETTLED_KEY, type Confirmed } from '@lyftr/shared/ledger';
import { size, subtract, type Range } from '@lyftr/shared/ranges';
import { memoryUsedRatio } from '@lyftr/shared/runtime/redis';
import type { Redis } from 'ioredis';

const POLL_INTERVAL_MS = 1_000;
/** When Redis reaches `maxmemory`, the writer cannot complete jobs either. So ingest must stop well below it. */
const MEMORY_SHARE_MAX = 0.8;
const RETRY_AFTER_MAX_SECONDS = 60;

/** Number of acknowledged messages that are not settled yet, from the figures of ingest and writer in Redis. */
export function depthOf(confirmed: Record<string, string>, settled: Record<string, string>): number {
  let depth = 0;
  for (const [producer, json] of Object.entries(confirmed)) {
    const { ranges } = JSON.parse(json) as Confirmed;
    depth += size(subtract(ranges, JSON.parse(settled[producer] ?? '[]') as Range[]));
  }
  return depth;
}

/** How long a sender should wait until the writer, at its current speed, has made room. 1 to 60 s. */
export function retryAfterSeconds(excessMessages: number, drainedPerSecond: number): number {
  if (drainedPerSecond <= 0) return RETRY_AFTER_MAX_SECONDS;
  return Math.min(Math.max(Math.ceil(excessMessages / drainedPerSecond), 1), RETRY_AFTER_MAX_SECONDS);
}

export interface Full {
  reason: string;
  retryAfterSeconds: number;
}

export interface Room {
  /** Why the queue is full, or undefined when it has room. */
  full(): Full | undefined;
  stop(): void;
}

type Hash = Record<string, string>;

async function readTogether(redis: Redis): Promise<[Hash, Hash, Hash, string]> {
  const replies = await redis
    .pipeline()
    .hgetall(CONFIRMED_KEY)
    .hgetall(SETTLED_KEY)
    .hgetall(ENDED_KEY)
    .info('memory')
    .exec();
  const failed = replies?.find(([error]) => error !== null);
  if (replies === null || failed !== undefined) throw failed?.[0] ?? new Error('Redis returned no replies');
  return replies.map(([, reply]) => reply) as [Hash, Hash, Hash, string];
}

/** Number of messages settled so far. */
function settledIn(settled: Hash, ended: Hash): number {
  const listed = Object.values(settled).map((json) => size(JSON.parse(json) as Range[]));
  return Object.values(ended).reduce(
    (total, count) => total + Number(count),
    listed.reduce((a, b) => a + b, 0),
  );
}

export function watchRoom(redis: Redis, highWaterMessages: number, log: Logger): Room {
  let full: Full | undefined;
  let last: { at: number; settled: number } | undefined;
  let drainedPerSecond = 0;
  const logFailure = rateLimited(10_000, (suppressed, err: unknown) => {
    log.warn({ err, suppressed }, 'the depth of the queue cannot be read');
  });

  /** A moving average, because the writer publishes once a second and not in step with this check. */
  function noteDrained(settled: number): void {
    const at = performance.now();
    if (last !== undefined && settled >= last.settled) {
      const rate = ((settled - last.settled) * 1_000) / (at - last.at);
      drainedPerSecond = drainedPerSecond === 0 ? rate : (drainedPerSecond * 3 + rate) / 4;
    }
    last = { at, settled };
  }

  async function poll(): Promise<void> {
    if (redis.status !== 'ready') return;
    const [confirmed, settled, ended, info] = await readTogether(redis);
    noteDrained(settledIn(settled, ended));
    const depth = depthOf(confirmed, settled);
    const share = memoryUsedRatio(info);
    const before = full;
    full = undefined;
    if (depth >= highWaterMessages) {
      // at 90 % of the mark, there is room for some time
      const excess = depth - highWaterMessages * 0.9;
      full = {
        reason: `${depth} messages are in the queue`,
        retryAfterSeconds: retryAfterSeconds(excess, drainedPerSecond),
      };
    } else if (share >= MEMORY_SHARE_MAX) {
      full = {
        reason: `Redis has used ${Math.round(share * 100)} % of its memory`,
        retryAfterSeconds: retryAfterSeconds(depth / 10, drainedPerSecond),
      };
    }
    if (full !== undefined && before === undefined) log.warn({ ...full }, 'the queue is full');
    if (full === undefined && before !== undefined) log.info('the queue has room again');
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
    full: () => full,
    stop: () => clearInterval(timer),
  };
}
