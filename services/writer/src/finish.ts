/**
 * Keeps the hashes of the ledger small: once a minute, producers that have finished leave Redis.
 *
 * First the database sums them up, in one transaction; then one script takes over into Redis by how much its sum has
 * grown, and drops their fields. Killed in between, Redis still lists them, which changes no figure: each is compared
 * with its own row. The next look finds them again, adds nothing to the sum, and the script takes over the rest.
 *
 * Nothing depends on a producer being gone for good. One that publishes again is listed again, with absolute figures
 * that its row knows, and what it settles from then on is added to the sum when it has finished once more.
 */
import { crashPoint } from '@lyftr/shared/crash';
import { rateLimited, type Logger } from '@lyftr/shared/log';
import {
  ACCEPTED_KEY,
  ACKNOWLEDGED_KEY,
  FINISHED,
  FINISHED_KEY,
  SETTLED_KEY,
  SNAPSHOTS_KEY,
  type Snapshot,
} from '@lyftr/shared/metrics';
import type { Range } from '@lyftr/shared/missing';
import type { Redis } from 'ioredis';
import type { Claim } from './account.js';
import { LEASE_KEY } from './lease.js';
import type { Store } from './store.js';

const INTERVAL_MS = 60_000;
/** Without a last word of its process, a producer must have published nothing new for this long while we looked. */
const SILENT_MS = 60 * 60 * 1_000;
/** Producers of one transaction and one script: few milliseconds, so that no delivery waits for it. */
const STEP_PRODUCERS = 200;

/** For a sum that is smaller than what Redis has of it. */
const REBASE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if tonumber(ARGV[2]) < tonumber(redis.call('GET', KEYS[2]) or '0') then redis.call('SET', KEYS[2], ARGV[2]) end
return 1`;

/**
 * KEYS: lease, accepted, settled, acknowledged, what Redis has of the sum. ARGV: this writer, field of the sum, the sum,
 * the same with what of it was written off, then producer, accepted and acknowledged as they were read. A producer
 * that has published since is kept. Returns how many were dropped.
 */
const TAKE_OVER = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local growth = tonumber(ARGV[3]) - tonumber(redis.call('GET', KEYS[5]) or '0')
if growth > 0 then
  redis.call('HINCRBY', KEYS[2], ARGV[2], string.format('%.0f', growth))
  redis.call('SET', KEYS[5], ARGV[3])
end
if ARGV[4] ~= '0' then redis.call('HSET', KEYS[3], ARGV[2], ARGV[4]) end
local dropped = 0
for i = 5, #ARGV, 3 do
  local accepted = redis.call('HGET', KEYS[2], ARGV[i]) or ''
  local acknowledged = redis.call('HGET', KEYS[4], ARGV[i]) or ''
  if accepted == ARGV[i + 1] and acknowledged == ARGV[i + 2] then
    redis.call('HDEL', KEYS[2], ARGV[i])
    redis.call('HDEL', KEYS[3], ARGV[i])
    redis.call('HDEL', KEYS[4], ARGV[i])
    dropped = dropped + 1
  end
end
return dropped`;

/** A producer as Redis lists it; texts are as they were read, '' for none. */
export interface Listed {
  producer: string;
  accepted: string;
  acknowledged: string;
  /** What its process published last, if that is still there. */
  snapshot: Pick<Snapshot, 'at' | 'stopped'> | undefined;
}

function parseSnapshot(json: string | null | undefined): Listed['snapshot'] {
  try {
    return typeof json === 'string' ? (JSON.parse(json) as Snapshot) : undefined;
  } catch {
    // another version wrote it
    return undefined;
  }
}

export interface Listing {
  listed: Listed[];
  /** How much of the sum of the database Redis has taken over. */
  takenOver: number;
}

/** Everybody in the hashes of the ledger, and what their processes say. Rejects when Redis does not answer. */
export async function readListing(redis: Redis): Promise<Listing> {
  const replies = await redis
    .multi()
    .hgetall(ACCEPTED_KEY)
    .hgetall(SETTLED_KEY)
    .hgetall(ACKNOWLEDGED_KEY)
    .get(FINISHED_KEY)
    .exec();
  const [accepted, settled, acknowledged, takenOver] = (replies ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  }) as [Record<string, string>, Record<string, string>, Record<string, string>, string | null];
  const producers = [
    ...new Set([...Object.keys(accepted), ...Object.keys(settled), ...Object.keys(acknowledged)]),
  ];
  const snapshots = producers.length === 0 ? [] : await redis.hmget(SNAPSHOTS_KEY, ...producers);
  const listed = producers.map((producer, i) => ({
    producer,
    accepted: accepted[producer] ?? '',
    acknowledged: acknowledged[producer] ?? '',
    snapshot: parseSnapshot(snapshots[i]),
  }));
  return { listed, takenOver: Number(takenOver ?? 0) };
}

export const claimOf = ({ producer, accepted, acknowledged }: Listed): Claim => ({
  producer,
  accepted: Number(accepted),
  acknowledged: acknowledged === '' ? [] : (JSON.parse(acknowledged) as Range[]),
});

export interface Finisher {
  /** Resolves with the number of producers that have left Redis; rejects when a store does not answer. */
  look(nowMs?: number): Promise<number>;
  stop(): void;
}

export type FinishingStore = Pick<Store, 'finish' | 'finishOthers' | 'finished' | 'publish'>;

export function createFinisher(redis: Redis, store: FinishingStore, instance: string): Finisher {
  /** Producer → what it had published, and since when this writer has seen nothing else. */
  const silent = new Map<string, { figures: string; sinceMs: number }>();
  let stopped = false;

  function isGone({ producer, accepted, acknowledged, snapshot }: Listed, nowMs: number): boolean {
    const figures = `${accepted} ${acknowledged} ${snapshot?.at ?? ''}`;
    const before = silent.get(producer);
    const sinceMs = before?.figures === figures ? before.sinceMs : nowMs;
    silent.set(producer, { figures, sinceMs });
    return snapshot?.stopped === true || nowMs - sinceMs >= SILENT_MS;
  }

  /**
   * The database is an older copy. Who is not listed had finished by now, so what the copy has of them belongs to the sum;
   * what the copy lacks of it stays in Redis, and is missed. Before anybody else finishes: behind that, nobody could tell.
   */
  async function rebase(names: readonly string[]): Promise<void> {
    store.finishOthers(names);
    await redis.eval(REBASE, 2, LEASE_KEY, FINISHED_KEY, instance, store.finished().sum);
  }

  async function takeOver(finished: readonly Listed[]): Promise<number> {
    const { sum, settled } = store.finished();
    const keys = [LEASE_KEY, ACCEPTED_KEY, SETTLED_KEY, ACKNOWLEDGED_KEY, FINISHED_KEY];
    const fields = finished.flatMap(({ producer, accepted, acknowledged }) => [
      producer,
      accepted,
      acknowledged,
    ]);
    return (await redis.eval(
      TAKE_OVER,
      keys.length,
      ...keys,
      instance,
      FINISHED,
      sum,
      settled,
      ...fields,
    )) as number;
  }

  return {
    async look(nowMs = performance.now()) {
      const { listed, takenOver } = await readListing(redis);
      if (stopped) return 0;
      const names = listed.map(({ producer }) => producer);
      store.publish(names);
      if (store.finished().sum < takenOver) await rebase(names);
      if (stopped) return 0;
      const gone = new Map(
        listed
          .filter((each) => each.producer !== FINISHED && isGone(each, nowMs))
          .map((each) => [each.producer, each]),
      );
      const known = new Set(names);
      for (const producer of silent.keys()) if (!known.has(producer)) silent.delete(producer);
      const candidates = [...gone.values()];
      let dropped = 0;
      // once at least: a writer that was killed may have left something to take over
      for (let from = 0; from === 0 || from < candidates.length; from += STEP_PRODUCERS) {
        if (stopped) return dropped;
        const claims = candidates.slice(from, from + STEP_PRODUCERS).map(claimOf);
        const finished = claims.length === 0 ? [] : store.finish(claims);
        if (finished.length > 0) crashPoint('between-finishing');
        dropped += await takeOver(finished.map(({ producer }) => gone.get(producer) as Listed));
      }
      return dropped;
    },
    stop() {
      stopped = true;
    },
  };
}

/** Looks at once, then once a minute. A look that failed is made up for by the next one. */
export function startFinishing(
  redis: Redis,
  store: FinishingStore,
  instance: string,
  log: Logger,
): { stop(): void } {
  const finisher = createFinisher(redis, store, instance);
  const logTrouble = rateLimited(60_000, (suppressed, err: unknown) => {
    log.warn({ err, suppressed }, 'producers that finished could not be summed up; trying again');
  });
  let looking = false;
  const look = (): void => {
    if (looking || redis.status !== 'ready') return;
    looking = true;
    finisher
      .look()
      .then((producers) => {
        if (producers > 0) log.info({ producers }, 'producers that finished are summed up');
      }, logTrouble)
      .finally(() => (looking = false));
  };
  look();
  const timer = setInterval(look, INTERVAL_MS);
  return {
    stop() {
      finisher.stop();
      clearInterval(timer);
    },
  };
}
