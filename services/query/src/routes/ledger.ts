/** `GET /ledger`: accounts for every acknowledged message. */
import type { RequestHandler } from 'express';
import type { Redis } from 'ioredis';
import { ProblemError } from '@lyftr/shared/errors';
import type { LedgerReport } from '@lyftr/shared/sample';
import { readLedger } from '../system/ledger.js';
import type { ReadStore } from '@lyftr/store/store';

export function getLedger(store: ReadStore, redis: Redis): RequestHandler {
  return async (_req, res) => {
    const { ledger, deadLetters } = await readLedger(redis, store);
    if (ledger === undefined)
      throw new ProblemError('not-ready', 'Redis is not responding. The ledger needs it.');
    const answer: LedgerReport = { ...ledger, dead_letters: deadLetters };
    res.json(answer);
  };
}
