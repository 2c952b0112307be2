/** Reads the part of the ledger that is in Redis, and the batches in the queue. */
import type { Redis } from 'ioredis';
import {
  acceptedBySource,
  CONFIRMED_KEY,
  ENDED_KEY,
  endedSource,
  SETTLED_KEY,
  type Confirmed,
  type Listed,
  type RedisAccount,
} from '@lyftr/shared/ledger';
import { union, type Range } from '@lyftr/shared/ranges';
import { numbersOfJob } from './envelope.js';
import { queueKey } from './options.js';

/** A longer queue is not read, because that would block Redis and this process for too long. */
const QUEUE_JOBS_MAX = 20_000;
/** Jobs per script. A script then takes a millisecond of Redis, so that senders do not wait for it. */
const JOBS_AT_ONCE = 1_000;

/**
 * ARGV: prefix of the jobs' keys, then their ids. Returns the name of each job, or '' for a job that has left the
 * queue.
 */
const NAMES = `
local names = {}
for i = 2, #ARGV do names[i - 1] = redis.call('HGET', ARGV[1] .. ARGV[i], 'name') or '' end
return names`;

async function readNames(redis: Redis, ids: readonly string[]): Promise<string[]> {
  const names: string[] = [];
  for (let from = 0; from < ids.length; from += JOBS_AT_ONCE)
    names.push(
      ...((await redis.eval(NAMES, 0, queueKey(''), ...ids.slice(from, from + JOBS_AT_ONCE))) as string[]),
    );
  return names;
}

/** Producer → numbers of its messages in the queue. Undefined when the queue is too long to read. */
async function readQueued(redis: Redis, ids: readonly string[]): Promise<Map<string, Range[]> | undefined> {
  if (ids.length > QUEUE_JOBS_MAX) return undefined;
  const queued = new Map<string, Range[]>();
  for (const name of await readNames(redis, ids)) {
    const numbers = numbersOfJob(name);
    if (numbers === undefined) continue;
    const ranges = queued.get(numbers.producer) ?? [];
    ranges.push(numbers.range);
    queued.set(numbers.producer, ranges);
  }
  return queued;
}

function readEnded(fields: Record<string, string>): RedisAccount['ended'] {
  const mark = endedSource('');
  const sources = Object.entries(fields)
    .filter(([field]) => field.startsWith(mark))
    .map(([field, count]) => [field.slice(mark.length), Number(count)]);
  return {
    accepted: Number(fields['accepted'] ?? 0),
    unconfirmed: Number(fields['unconfirmed'] ?? 0),
    sources: Object.fromEntries(sources) as Record<string, number>,
  };
}

const readConfirmed = (text: string): Confirmed => JSON.parse(text) as Confirmed;

/** How many deliveries ingest acknowledged, by source. Does not read the queue. Rejects when Redis is not responding. */
export async function readAcceptedBySource(redis: Redis): Promise<Record<string, number>> {
  // in one transaction, because the figures of a producer move from one hash to the other
  const replies = await redis.multi().hgetall(CONFIRMED_KEY).hgetall(ENDED_KEY).exec();
  const [confirmed = {}, ended = {}] = (replies ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    return reply as Record<string, string>;
  });
  return acceptedBySource(Object.values(confirmed).map(readConfirmed), readEnded(ended));
}

/** Rejects when Redis is not responding. */
export async function readRedisAccount(redis: Redis): Promise<RedisAccount> {
  // in one transaction, because a job can move between these lists
  const replies = await redis
    .multi()
    .hgetall(CONFIRMED_KEY)
    .hgetall(SETTLED_KEY)
    .hgetall(ENDED_KEY)
    .lrange(queueKey('wait'), 0, QUEUE_JOBS_MAX)
    .lrange(queueKey('active'), 0, QUEUE_JOBS_MAX)
    .zrange(queueKey('failed'), '0', String(QUEUE_JOBS_MAX))
    .zrange(queueKey('delayed'), '0', String(QUEUE_JOBS_MAX))
    .exec();
  const [confirmed, settled, ended, ...lists] = (replies ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  }) as [Record<string, string>, Record<string, string>, Record<string, string>, ...string[][]];
  const queued = await readQueued(redis, lists.flat());

  const producers = new Map<string, Listed>();
  const names = new Set([...Object.keys(confirmed), ...Object.keys(settled), ...(queued?.keys() ?? [])]);
  for (const producer of names) {
    const texts: Listed['texts'] = [confirmed[producer] ?? '', settled[producer] ?? ''];
    producers.set(producer, {
      confirmed: texts[0] === '' ? { messages: 0, ranges: [] } : readConfirmed(texts[0]),
      settled: texts[1] === '' ? [] : (JSON.parse(texts[1]) as Range[]),
      queued: union(queued?.get(producer) ?? []),
      texts,
    });
  }
  return {
    producers,
    ended: readEnded(ended),
    isQueueKnown: queued !== undefined,
  };
}
