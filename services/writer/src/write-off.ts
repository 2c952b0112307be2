/**
 * Closes the account of what cannot be settled any more, by the word of an operator. Nothing is hidden: messages that
 * are missing move to `written_off`, and move on if they come after all. Messages that are stored and of which Redis
 * knows nothing, as after it was restored from an old copy, count as unconfirmed from then on.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ProblemError } from '@lyftr/shared/errors';
import { balance, ENDED_KEY, type LedgerAnswer, type Missing, type RedisAccount } from '@lyftr/shared/ledger';
import { readRedisAccount } from '@lyftr/queue/account';
import type { WriteStore } from '@lyftr/store/store';
import type { Redis } from 'ioredis';
import type { Settled } from '@lyftr/queue/settled';

const REDIS_MS = 5_000;

export interface WriteOffAnswer extends Missing {
  /** Messages that are missing and of which no number is known. */
  unnamed: number;
  /** Messages that count as unconfirmed from now on. */
  unconfirmed: number;
}

const refused = (detail: string): ProblemError => new ProblemError('not-written-off', detail);

/** The connection waits for a Redis that is away; who asked does not. */
async function readInTime(redis: Redis): Promise<RedisAccount> {
  const away = new ProblemError('not-ready', 'Redis is not responding. The ledger needs it.');
  if (redis.status !== 'ready') throw away;
  const ended = new AbortController();
  try {
    return await Promise.race([
      readRedisAccount(redis).catch(() => Promise.reject(away)),
      delay(REDIS_MS, undefined, { signal: ended.signal }).then(() => Promise.reject(away)),
    ]);
  } finally {
    ended.abort();
  }
}

function answerOf({ difference, missing }: LedgerAnswer): WriteOffAnswer {
  const { messages, producers } = missing ?? { messages: 0, producers: [] };
  const rest = difference - messages;
  return { messages, producers, unnamed: Math.max(0, rest), unconfirmed: Math.max(0, -rest) };
}

/** `difference` is that of `GET /ledger` as the operator has seen it. Rejects with ProblemError when it cannot be done now. */
export async function writeOff(
  redis: Redis,
  store: WriteStore,
  settled: Settled,
  difference: number,
): Promise<WriteOffAnswer> {
  const account = await readInTime(redis);
  if (!account.isQueueKnown)
    throw refused('The queue is too long to tell what is missing. Try again when it is drained.');
  let answer: WriteOffAnswer | undefined;
  await store.writeOff(account.producers.keys(), (stored) => {
    const ledger = balance(account, stored);
    if (ledger.difference !== difference)
      throw refused(
        `The difference of the ledger is ${ledger.difference} now, and not ${difference}. Look again.`,
      );
    answer = answerOf(ledger);
    return { lost: answer.producers, unnamed: answer.unnamed };
  });
  const done = answer as unknown as WriteOffAnswer;
  // ingest takes them for waiting otherwise
  await settled.note(
    done.producers.flatMap(({ producer, ranges }) => ranges.map((range) => ({ producer, range }))),
  );
  if (done.unconfirmed > 0) await redis.hincrby(ENDED_KEY, 'unconfirmed', done.unconfirmed);
  return done;
}
