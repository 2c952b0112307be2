/**
 * Keeps SNAPSHOTS_KEY small. A process that has not published for an hour is retired: its counters are added to one
 * sum, and its snapshot is removed. A frozen process, or one that is cut off from Redis, is retired too. When it
 * comes back, it publishes only what it has counted since (`startPublisher`).
 */
import type { Redis } from 'ioredis';
import { SNAPSHOTS_KEY, type ProcessSnapshot } from '@lyftr/shared/metrics';
import { sumFamilies, totalsOf } from './families.js';
import { RETIRED_FIELD, parseSnapshot } from './published.js';

const RETIRE_AFTER_MS = 60 * 60 * 1_000;
const INTERVAL_MS = 60_000;

/**
 * Adds to the sum and removes the snapshots in one step, but only if no field has changed since it was read: another
 * query process may do the same at the same time, and a process must not be counted twice. ARGV: field of the sum,
 * the sum that was read ('' when absent), the new sum, then pairs of instance and snapshot.
 */
const FOLD = `
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
for i = 4, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) ~= ARGV[i + 1] then return 0 end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
for i = 4, #ARGV, 2 do redis.call('HDEL', KEYS[1], ARGV[i]) end
return 1`;

async function sumUp(
  retiredBefore: ProcessSnapshot | undefined,
  idle: ProcessSnapshot[],
  now: number,
): Promise<ProcessSnapshot> {
  const families = [...(retiredBefore === undefined ? [] : [retiredBefore]), ...idle].map(totalsOf);
  return {
    service: 'query',
    instance: RETIRED_FIELD,
    pid: 0,
    startedAt: 0,
    at: now,
    stopped: true,
    metrics: await sumFamilies(families),
  };
}

/**
 * Run it once at a time. `run` resolves with the number of retired processes and rejects when Redis is not
 * responding.
 */
export function createReaper(redis: Redis): { run(now?: number): Promise<number> } {
  /**
   * The snapshots of the previous run. After an outage of Redis, every snapshot is old until its process publishes
   * again. So a snapshot must also be unchanged between two runs, with Redis responding at both.
   */
  let seen = new Map<string, string>();
  return {
    async run(now = Date.now()) {
      const before = seen;
      seen = new Map();
      const { [RETIRED_FIELD]: retiredJson, ...published } = await redis.hgetall(SNAPSHOTS_KEY);
      seen = new Map(Object.entries(published));
      const retired = retiredJson === undefined ? undefined : parseSnapshot(retiredJson);
      // a later version of Lyftr wrote the sum, and only that version may add to it
      if (retiredJson !== undefined && retired === undefined) return 0;
      const fields: string[] = [];
      const idle: ProcessSnapshot[] = [];
      for (const [instance, json] of seen) {
        const snapshot = before.get(instance) === json ? parseSnapshot(json) : undefined;
        if (snapshot === undefined || now - snapshot.at <= RETIRE_AFTER_MS) continue;
        fields.push(instance, json);
        idle.push(snapshot);
      }
      if (idle.length === 0) return 0;
      const sum = JSON.stringify(await sumUp(retired, idle, now));
      const folded = await redis.eval(
        FOLD,
        1,
        SNAPSHOTS_KEY,
        RETIRED_FIELD,
        retiredJson ?? '',
        sum,
        ...fields,
      );
      return folded === 1 ? idle.length : 0;
    },
  };
}

/** Runs once a minute. A failed run is not reported, because the next run does the same work. */
export function startReaper(redis: Redis): { stop(): Promise<void> } {
  const reaper = createReaper(redis);
  let running: Promise<unknown> | undefined;
  const timer = setInterval(() => {
    running ??= reaper
      .run()
      .catch(() => {})
      .finally(() => (running = undefined));
  }, INTERVAL_MS);
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
