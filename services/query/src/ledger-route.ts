/** `GET /ledger`: the account of every acknowledged message, for a person or an alert that wants proof. */
import type { RequestHandler } from 'express';
import type { Redis } from 'ioredis';
import { ProblemError } from '@lyftr/shared/errors';
import { ACCEPTED_KEY } from '@lyftr/shared/metrics';
import { balance, readLedger } from './ledger.js';
import { countBatches, findMissing, readCommitted, type Range } from './missing.js';
import type { Store } from './store.js';

export interface LedgerAnswer {
  /** accepted = created + duplicate + dead_letter + waiting */
  accepted: number;
  created: number;
  duplicate: number;
  dead_letter: number;
  waiting: number;
  /** Of the duplicates, those with another content than what is stored. */
  conflicting_duplicate: number;
  /** Batches that were acknowledged and are gone; null while the queue is too long to tell. */
  missing: { batches: number; producers: { producer: string; ranges: Range[] }[] } | null;
}

export function getLedger(store: Store, redis: Redis): RequestHandler {
  return async (_req, res) => {
    try {
      const published = await redis.hgetall(ACCEPTED_KEY);
      const accepted = new Map(
        Object.entries(published).map(([producer, count]) => [producer, Number(count)]),
      );
      const missing = await findMissing(redis, () => store.read(readCommitted));
      const ledger = store.read(readLedger);
      const { created, duplicate, dead_letter } = ledger.outcomes;
      const answer: LedgerAnswer = {
        ...balance(ledger, accepted),
        created,
        duplicate,
        dead_letter,
        conflicting_duplicate: ledger.conflictingDuplicates,
        missing:
          missing === undefined
            ? null
            : {
                batches: countBatches(missing),
                producers: Array.from(missing, ([producer, ranges]) => ({ producer, ranges })),
              },
      };
      res.json(answer);
    } catch (error) {
      if (error instanceof ProblemError) throw error;
      throw new ProblemError('not-ready', 'Redis does not answer, and half of the ledger is there.');
    }
  };
}
