/**
 * Keeps SNAPSHOTS_KEY small: what ended long ago becomes one sum, so that counters do not lose it. One that was frozen, or
 * cut off from Redis, looks the same; when it comes back it publishes what it has counted since (`startPublisher`).
 */
import type { Redis } from 'ioredis';
import { SNAPSHOTS_KEY, type Snapshot } from '@lyftr/shared/metrics';
import { sumFamilies, totalsOf } from './families.js';
import { GONE_FIELD, parseSnapshot } from './published.js';

const GONE_AFTER_MS = 60 * 60 * 1_000;
const INTERVAL_MS = 60_000;

/**
 * Adds and removes in one step, and only if every field is still what was read: another query process may be at the
 * same work, and counting a process twice would be worse than keeping it.
 * ARGV: field of the sum, the sum as it was read ('' for none), the new sum, then pairs of instance and its snapshot.
 */
const FOLD = `
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
for i = 4, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) ~= ARGV[i + 1] then return 0 end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
for i = 4, #ARGV, 2 do redis.call('HDEL', KEYS[1], ARGV[i]) end
return 1`;

async function sumOf(goneBefore: Snapshot | undefined, ended: Snapshot[], now: number): Promise<Snapshot> {
  const families = [...(goneBefore === undefined ? [] : [goneBefore]), ...ended].map(totalsOf);
  return {
    service: 'query',
    instance: GONE_FIELD,
    pid: 0,
    startedAt: 0,
    at: now,
    stopped: true,
    metrics: await sumFamilies(families),
  };
}

/** One run at a time. `run` returns how many processes it folded, and rejects when Redis does not answer. */
export function createReaper(redis: Redis): { run(now?: number): Promise<number> } {
  /**
   * What the run before saw. After an outage of Redis every snapshot is old, those of living processes too, until
   * they publish again: a snapshot must also have stayed the same from one run to the next, with Redis there at both.
   */
  let seen = new Map<string, string>();
  return {
    async run(now = Date.now()) {
      const before = seen;
      seen = new Map();
      const { [GONE_FIELD]: goneJson, ...published } = await redis.hgetall(SNAPSHOTS_KEY);
      seen = new Map(Object.entries(published));
      const gone = goneJson === undefined ? undefined : parseSnapshot(goneJson);
      // a sum that a later version wrote: adding to it is left to that version
      if (goneJson !== undefined && gone === undefined) return 0;
      const fields: string[] = [];
      const ended: Snapshot[] = [];
      for (const [instance, json] of seen) {
        const snapshot = before.get(instance) === json ? parseSnapshot(json) : undefined;
        if (snapshot === undefined || now - snapshot.at <= GONE_AFTER_MS) continue;
        fields.push(instance, json);
        ended.push(snapshot);
      }
      if (ended.length === 0) return 0;
      const sum = JSON.stringify(await sumOf(gone, ended, now));
      const folded = await redis.eval(FOLD, 1, SNAPSHOTS_KEY, GONE_FIELD, goneJson ?? '', sum, ...fields);
      return folded === 1 ? ended.length : 0;
    },
  };
}

/** A run that fails is silent: the next one finds the same. */
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
