/**
 * The lease allows one writer at a time. It is a key in Redis that its holder renews. A second writer is a hot
 * standby and takes the lease when it expires. The lease decides which writer may begin. It cannot stop a writer that
 * was only paused while it was replaced: the epoch in the database (store.ts) does that, independently of clocks and
 * networks.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { LEASE_KEY } from '@lyftr/shared/runtime/leader';
import { DATABASE_BUSY_MS, LEASE_MS } from '@lyftr/shared/limits';
import type { Logger } from '@lyftr/shared/runtime/log';
import type { Redis } from 'ioredis';

const RENEW_MS = 800;
const POLL_MS = 250;

if (LEASE_MS <= DATABASE_BUSY_MS + RENEW_MS) throw new Error('LEASE_MS must be longer than DATABASE_BUSY_MS');

/** Takes a free lease or renews our own. Returns the holder. */
const TAKE = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]`;

const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

export interface Lease {
  /** Resolves with the writer that took the lease. Pending while we hold it. */
  lost: Promise<string>;
  /** Releases the lease, so that a standby takes over at once. */
  release(): Promise<void>;
}

export interface LeaseOptions {
  /** Called for every error of Redis. */
  trouble: (error: unknown) => void;
  /** Called with the holder each time another writer holds the lease. */
  standingBy: (holder: string) => void;
  log: Logger;
  signal: AbortSignal;
}

/** Waits until we hold the lease. Rejects with the signal's reason if it aborts first. */
export async function acquireLease(
  redis: Redis,
  instance: string,
  { trouble, standingBy, log, signal }: LeaseOptions,
): Promise<Lease> {
  const take = async (): Promise<string> =>
    (await redis.eval(TAKE, 1, LEASE_KEY, instance, LEASE_MS)) as string;

  // a pending command must not keep this process from exiting
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
      log.info({ holder }, 'another writer leads; standing by');
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
