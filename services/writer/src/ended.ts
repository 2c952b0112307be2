/**
 * Keeps the hashes of the ledger small. Once a minute, it removes ended producers whose messages are all settled, and
 * adds their figures to two sums in the same step. The database keeps its rows, about 100 bytes for each producer, so
 * that it recognises a batch from an old copy of Redis.
 *
 * An ingest process that could not publish for a long time begins a new life as a producer (`lives.ts` of queue), so
 * a removed producer does not come back.
 */
import { LEASE_KEY } from '@lyftr/shared/runtime/leader';
import { rateLimited, type Logger } from '@lyftr/shared/runtime/log';
import {
  CONFIRMED_KEY,
  ENDED_KEY,
  endedSource,
  isSettled,
  SETTLED_KEY,
  unconfirmedOf,
  UNNAMED_JOBS,
  type Listed,
} from '@lyftr/shared/ledger';
import { readRedisAccount } from '@lyftr/queue/account';
import { SNAPSHOTS_KEY, type ProcessSnapshot } from '@lyftr/shared/metrics';
import type { WriteStore } from '@lyftr/store/store';
import type { Redis } from 'ioredis';
import type { Settled } from '@lyftr/queue/settled';

const INTERVAL_MS = 60_000;

/**
 * KEYS: lease, confirmed, settled, ended. ARGV: this writer, producer, its fields in the first two hashes ('' when
 * absent), then pairs of a field of the fourth hash and what to add to it. Keeps a producer whose fields have changed.
 */
const END = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if (redis.call('HGET', KEYS[2], ARGV[2]) or '') ~= ARGV[3] then return 0 end
if (redis.call('HGET', KEYS[3], ARGV[2]) or '') ~= ARGV[4] then return 0 end
for i = 5, #ARGV, 2 do redis.call('HINCRBY', KEYS[4], ARGV[i], ARGV[i + 1]) end
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('HDEL', KEYS[3], ARGV[2])
return 1`;

export interface Ender {
  /** Resolves with the number of removed producers. Rejects when Redis or the database is not responding. */
  look(): Promise<number>;
}

export interface EnderOptions {
  redis: Redis;
  store: Pick<WriteStore, 'account' | 'release'>;
  settled: Pick<Settled, 'release'>;
  instance: string;
}

function hasStopped(snapshot: string): boolean {
  try {
    return (JSON.parse(snapshot) as ProcessSnapshot).stopped;
  } catch {
    // another version of Lyftr wrote it
    return false;
  }
}

export function createEnder({ redis, store, settled, instance }: EnderOptions): Ender {
  /** Producers that had no process figures at the previous run, with their fields. */
  let silent = new Map<string, string>();

  return {
    async look() {
      const { producers, isQueueKnown } = await readRedisAccount(redis);
      // read this after the account: a running process has published its figures by then
      const snapshots = await redis.hgetall(SNAPSHOTS_KEY);
      if (!isQueueKnown) return 0;
      const before = silent;
      silent = new Map();
      const hasEnded = (producer: string, { texts }: Listed): boolean => {
        const snapshot = snapshots[producer];
        if (snapshot !== undefined) return hasStopped(snapshot);
        // the process was retired, or it has just started
        silent.set(producer, texts.join(' '));
        return before.get(producer) === texts.join(' ');
      };
      const ended = [...producers].filter(
        ([producer, listed]) => producer !== UNNAMED_JOBS && hasEnded(producer, listed),
      );
      const account = await store.account(ended.map(([producer]) => producer));
      let left = 0;
      for (const [producer, listed] of ended) {
        if (!isSettled(listed, account, producer)) continue;
        const { messages, sources = {} } = listed.confirmed;
        const figures = [
          ['accepted', messages],
          ['unconfirmed', unconfirmedOf(listed, account, producer)],
          ...Object.entries(sources).map(([source, count]) => [endedSource(source), count]),
        ].flat();
        const keys = [LEASE_KEY, CONFIRMED_KEY, SETTLED_KEY, ENDED_KEY];
        const done = await redis.eval(
          END,
          keys.length,
          ...keys,
          instance,
          producer,
          ...listed.texts,
          ...figures,
        );
        if (done !== 1) continue;
        store.release(producer);
        settled.release(producer);
        left++;
      }
      return left;
    },
  };
}

/** Runs now and then once a minute. After a failed run, the next run does its work. */
export function startEnding(options: EnderOptions, log: Logger): { stop(): Promise<void> } {
  const ender = createEnder(options);
  const logTrouble = rateLimited(60_000, (suppressed, err: unknown) => {
    log.warn({ err, suppressed }, 'could not sum up ended producers; trying again');
  });
  let looking: Promise<void> | undefined;
  const look = (): void => {
    if (options.redis.status !== 'ready') return;
    looking ??= ender
      .look()
      .then((producers) => {
        if (producers > 0) log.info({ producers }, 'summed up ended producers');
      }, logTrouble)
      .finally(() => (looking = undefined));
  };
  look();
  const timer = setInterval(look, INTERVAL_MS);
  return {
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}
