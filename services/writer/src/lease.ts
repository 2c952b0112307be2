/**
 * One writer at a time. The lease is a key in Redis that its holder renews; a second writer waits as a hot standby and
 * takes it when it runs out. The lease decides who may begin. That a writer which was only paused does not go on is
 * decided by the epoch in the database (store.ts), which no clock and no network can get wrong.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { LEASE_KEY } from '@lyftr/shared/runtime/leader';
import { DATABASE_BUSY_MS, LEASE_MS } from '@lyftr/shared/limits';
import type { Logger } from '@lyftr/shared/runtime/log';
import type { Redis } from 'ioredis';

const RENEW_MS = 800;
const POLL_MS = 250;

if (LEASE_MS <= DATABASE_BUSY_MS + RENEW_MS) throw new Error('a lease must outlast a wait for the database');

/** Takes a free lease or renews one's own; returns the holder. */
const TAKE = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]`;

const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

export interface Lease {
  /** Resolves with the name of the writer that has taken the lease; pending while we hold it. */
  lost: Promise<string>;
  /** Gives it up, so that a standby takes over at once. */
  release(): Promise<void>;
}

export interface LeaseOptions {
  /** Told of everything that Redis fails at. */
  trouble: (error: unknown) => void;
  /** Told who holds the lease, each time that it is another writer than before. */
  standingBy: (holder: string) => void;
  log: Logger;
  signal: AbortSignal;
}

/** Waits until the lease is ours. Rejects with the signal's reason when it is given first. */
export async function acquireLease(
  redis: Redis,
  instance: string,
  { trouble, standingBy, log, signal }: LeaseOptions,
): Promise<Lease> {
  const take = async (): Promise<string> =>
    (await redis.eval(TAKE, 1, LEASE_KEY, instance, LEASE_MS)) as string;

  // a question that waits for Redis must not keep this process from ending
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  aborted.catch(() => {});
  let told: string | undefined;
  for (;;) {
    signal.throwIfAborted();
    const holder = await Promise.race([take().catch(trouble), aborted]);
    if (holder === instance) break;
    if (holder !== undefined && holder !== told) {
      told = holder;
      standingBy(holder);
      log.info({ holder }, 'another writer is at work; standing by');
    }
    await delay(POLL_MS, undefined, { signal });
  }

  let timer: NodeJS.Timeout;
  const lost = new Promise<string>((resolve) => {
    let renewing = false;
    timer = setInterval(() => {
      if (renewing) return;
      renewing = true;
      take()
        .then((holder) => {
          if (holder !== instance) resolve(holder);
        })
        .catch(trouble)
        .finally(() => (renewing = false));
    }, RENEW_MS);
  });
  return {
    lost,
    async release() {
      clearInterval(timer);
      if (redis.status === 'ready') await redis.eval(RELEASE, 1, LEASE_KEY, instance).catch(() => {});
    },
  };
}
