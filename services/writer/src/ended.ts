/**
 * Keeps the hashes of the ledger small: once a minute, producers that have ended leave them, as soon as all of theirs is
 * settled. Their figures go into two sums, in the step that drops them. The database keeps its rows, about a hundred
 * bytes for each life of a process, so that a batch from an old copy of Redis is known.
 *
 * An ingest process that was cut off for long begins a new life (`lives.ts` of ingest), so a producer that has left
 * does not come back.
 */
import { LEASE_KEY } from '@lyftr/shared/runtime/leader';
import { rateLimited, type Logger } from '@lyftr/shared/runtime/log';
import {
  CONFIRMED_KEY,
  ENDED_KEY,
  isSettled,
  SETTLED_KEY,
  unconfirmedOf,
  UNNAMED_JOBS,
  type Listed,
} from '@lyftr/shared/ledger';
import { readRedisAccount } from '@lyftr/queue/account';
import { SNAPSHOTS_KEY, type Snapshot } from '@lyftr/shared/metrics';
import type { WriteStore } from '@lyftr/store/store';
import type { Redis } from 'ioredis';
import type { Settled } from '@lyftr/queue/settled';

const INTERVAL_MS = 60_000;

/**
 * KEYS: lease, confirmed, settled, ended. ARGV: this writer, producer, what was read of it in the first two ('' for
 * none), its messages that were accepted and that are unconfirmed. A producer that has changed since is kept.
 */
const END = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if (redis.call('HGET', KEYS[2], ARGV[2]) or '') ~= ARGV[3] then return 0 end
if (redis.call('HGET', KEYS[3], ARGV[2]) or '') ~= ARGV[4] then return 0 end
redis.call('HINCRBY', KEYS[4], 'accepted', ARGV[5])
redis.call('HINCRBY', KEYS[4], 'unconfirmed', ARGV[6])
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('HDEL', KEYS[3], ARGV[2])
return 1`;

export interface Ender {
  /** Resolves with the number of producers that left; rejects when a store does not answer. */
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
    return (JSON.parse(snapshot) as Snapshot).stopped;
  } catch {
    // another version wrote it
    return false;
  }
}

export function createEnder({ redis, store, settled, instance }: EnderOptions): Ender {
  /** Producers that the look before found without figures of a process, and what it read of them. */
  let silent = new Map<string, string>();

  return {
    async look() {
      const { producers, isQueueKnown } = await readRedisAccount(redis);
      // behind the account: a process that lives has published its figures by then
      const snapshots = await redis.hgetall(SNAPSHOTS_KEY);
      if (!isQueueKnown) return 0;
      const before = silent;
      silent = new Map();
      const hasEnded = (producer: string, { texts }: Listed): boolean => {
        const snapshot = snapshots[producer];
        if (snapshot !== undefined) return hasStopped(snapshot);
        // its figures were folded into those of all who are gone; or it has just begun
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
        const figures = [listed.confirmed.messages, unconfirmedOf(listed, account, producer)];
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

/** Looks at once, then once a minute. A look that failed is made up for by the next one. */
export function startEnding(options: EnderOptions, log: Logger): { stop(): Promise<void> } {
  const ender = createEnder(options);
  const logTrouble = rateLimited(60_000, (suppressed, err: unknown) => {
    log.warn({ err, suppressed }, 'producers that ended could not be summed up; trying again');
  });
  let looking: Promise<void> | undefined;
  const look = (): void => {
    if (options.redis.status !== 'ready') return;
    looking ??= ender
      .look()
      .then((producers) => {
        if (producers > 0) log.info({ producers }, 'producers that ended are summed up');
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
