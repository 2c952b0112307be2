/**
 * Writes off messages that cannot be settled any more, at the request of an operator. Missing messages move to
 * `written_off`. If such a message is stored later, it leaves `written_off` again. Messages that are stored but
 * unknown to Redis (after Redis was restored from an old copy) then count as unconfirmed.
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
  /** Missing messages whose numbers are unknown. */
  unnamed: number;
  /** Messages that now count as unconfirmed. */
  unconfirmed: number;
}

const refused = (detail: string): ProblemError => new ProblemError('not-written-off', detail);

/** The connection waits for Redis without a limit. The client must not wait that long. */
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

/**
 * `difference` is the value of `GET /ledger` that the operator has seen. Rejects with ProblemError when the write-off
 * is not possible now.
 */
export async function writeOff(
  redis: Redis,
  store: WriteStore,
  settled: Settled,
  difference: number,
): Promise<WriteOffAnswer> {
  const account = await readInTime(redis);
  if (!account.isQueueKnown)
    throw refused(
      'The queue is too long to tell which messages are missing. Try again when the writer has emptied it.',
    );
  let answer: WriteOffAnswer | undefined;
  await store.writeOff(account.producers.keys(), (stored) => {
    const ledger = balance(account, stored);
    if (ledger.difference !== difference)
      throw refused(
        `The difference of the ledger is now ${ledger.difference}, not ${difference}. Read the ledger again.`,
      );
    answer = answerOf(ledger);
    return { lost: answer.producers, unnamed: answer.unnamed };
  });
  const done = answer as unknown as WriteOffAnswer;
  // otherwise ingest would count them as waiting
  await settled.note(
    done.producers.flatMap(({ producer, ranges }) => ranges.map((range) => ({ producer, range }))),
  );
  if (done.unconfirmed > 0) await redis.hincrby(ENDED_KEY, 'unconfirmed', done.unconfirmed);
  return done;
}
