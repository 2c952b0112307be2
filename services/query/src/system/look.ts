/** Reads the whole system once. Metrics, console and status show this reading in three ways. */
import type { Redis } from 'ioredis';
import { ProblemError } from '@lyftr/shared/errors';
import { PROCESS_STALE_MS } from '@lyftr/shared/limits';
import type { ProcessSnapshot } from '@lyftr/shared/metrics';
import type { ProcessState } from '@lyftr/shared/sample';
import type { ReadStore, Sizes } from '@lyftr/store/store';
import { readLedger, type LedgerReading } from './ledger.js';
import { readPublished, type Published } from './published.js';

/** How long a stopped or silent process is still shown. */
const SHOWN_ENDED_MS = 10 * 60 * 1_000;

export interface Look {
  /** Epoch milliseconds. */
  at: number;
  /** The data from Redis. Undefined while it is not responding. */
  published: Published | undefined;
  /** The data from the database and the ledger, or why the database cannot be read. */
  stored: LedgerReading | string;
  /** Undefined while the database does not exist. */
  sizes: Sizes | undefined;
}

export interface Lookout {
  /** Never rejects because Redis or the database is not responding. Takes at most a second when Redis hangs. */
  look(): Promise<Look>;
}

/** The reading, or why it failed. */
async function readStored(redis: Redis, store: ReadStore): Promise<LedgerReading | string> {
  try {
    return await readLedger(redis, store);
  } catch (error) {
    if (error instanceof ProblemError) return error.message;
    throw error;
  }
}

/** `redisFailed` is called with the reason when the data from Redis is missing. */
export function createLookout(redis: Redis, store: ReadStore, redisFailed: (error: Error) => void): Lookout {
  return {
    async look() {
      const [published, stored, sizes] = await Promise.all([
        readPublished(redis).catch((error: Error) => {
          redisFailed(error);
          return undefined;
        }),
        readStored(redis, store),
        store.sizes(),
      ]);
      return { at: Date.now(), published, stored, sizes };
    },
  };
}

/** `up`, `stopped` or `silent`. Undefined when the process stopped too long ago to be shown. */
export function stateOf({ stopped, at }: ProcessSnapshot, now: number): ProcessState['state'] | undefined {
  const age = now - at;
  if (!stopped && age <= PROCESS_STALE_MS) return 'up';
  if (age > SHOWN_ENDED_MS) return undefined;
  return stopped ? 'stopped' : 'silent';
}
