/** One look at the whole system. Metrics, console and status are three ways to show it. */
import type { Redis } from 'ioredis';
import { ProblemError } from '@lyftr/shared/errors';
import { PROCESS_STALE_MS } from '@lyftr/shared/limits';
import type { Snapshot } from '@lyftr/shared/metrics';
import type { ProcessState } from '@lyftr/shared/sample';
import type { ReadStore, Sizes } from '@lyftr/store/store';
import { readLedger, type LedgerReading } from './ledger.js';
import { readPublished, type Published } from './published.js';

/** How long a process that has ended is still shown. */
const SHOWN_ENDED_MS = 10 * 60 * 1_000;

export interface Look {
  /** Epoch milliseconds. */
  at: number;
  /** What Redis knows; undefined while it does not answer. */
  published: Published | undefined;
  /** What the database knows, and the ledger; or why it cannot be read. */
  stored: LedgerReading | string;
  /** Undefined while there is no database. */
  sizes: Sizes | undefined;
}

export interface Lookout {
  /** Never rejects for a store that is away, and takes a second at most when Redis hangs. */
  look(): Promise<Look>;
}

/** The reading, or why there is none. */
async function readStored(redis: Redis, store: ReadStore): Promise<LedgerReading | string> {
  try {
    return await readLedger(redis, store);
  } catch (error) {
    if (error instanceof ProblemError) return error.message;
    throw error;
  }
}

/** `redisFailed` is told why what comes from Redis is missing. */
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

/** `up`, `stopped` or `silent`; undefined when it ended too long ago to be shown. */
export function stateOf({ stopped, at }: Snapshot, now: number): ProcessState['state'] | undefined {
  const age = now - at;
  if (!stopped && age <= PROCESS_STALE_MS) return 'up';
  if (age > SHOWN_ENDED_MS) return undefined;
  return stopped ? 'stopped' : 'silent';
}
