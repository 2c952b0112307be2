/** `GET /ledger`: the account of every acknowledged message, for a person or an alert that wants proof. */
import type { LedgerAnswer } from '@lyftr/shared/ledger';
import type { RequestHandler } from 'express';
import type { Redis } from 'ioredis';
import { ProblemError } from '@lyftr/shared/errors';
import { ACCEPTED_KEY } from '@lyftr/shared/metrics';
import { countBatches } from '@lyftr/shared/missing';
import { readMissing } from './committed.js';
import { balance, missingOfFinished, readLedger } from './ledger.js';
import type { Store } from './store.js';

export function getLedger(store: Store, redis: Redis): RequestHandler {
  return async (_req, res) => {
    try {
      const published = await redis.hgetall(ACCEPTED_KEY);
      const accepted = new Map(
        Object.entries(published).map(([producer, count]) => [producer, Number(count)]),
      );
      const missing = await readMissing(redis, store);
      const ledger = store.read((reader) => readLedger(reader, accepted.keys()));
      const { created, duplicate, dead_letter } = ledger.outcomes;
      const answer: LedgerAnswer = {
        ...balance(ledger, accepted),
        created,
        duplicate,
        dead_letter,
        written_off: ledger.writtenOff,
        conflicting_duplicate: ledger.conflictingDuplicates,
        missing:
          missing === undefined
            ? null
            : {
                batches: countBatches(missing),
                producers: Array.from(missing, ([producer, ranges]) => ({ producer, ranges })),
                finished_messages: missingOfFinished(ledger, accepted),
              },
      };
      res.json(answer);
    } catch (error) {
      if (error instanceof ProblemError) throw error;
      throw new ProblemError('not-ready', 'Redis does not answer, and half of the ledger is there.');
    }
  };
}
