/** In which order jobs are stored, whoever had them in hand before, and what becomes of one that cannot be read. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import { LEASE_KEY } from '@lyftr/shared/runtime/leader';
import { CONFIRMED_KEY, SETTLED_KEY } from '@lyftr/shared/ledger';
import { createLogger } from '@lyftr/shared/runtime/log';
import type { MessageTuple, QueueBatch } from '@lyftr/shared/batch';
import { jobName } from './envelope.js';
import { beginRound } from './jobs.js';
import { QUEUE_NAME, QUEUE_PREFIX } from './options.js';
import { startRounds, type Rounds } from './rounds.js';
import { createSettled } from './settled.js';
import { startRedis, type TestRedis } from './testing.js';

const JOBS = `${QUEUE_PREFIX}:${QUEUE_NAME}:`;

let server: TestRedis;
let queue: Queue;
let rounds: Rounds | undefined;
let stored: QueueBatch[];
let others: Worker[];
before(async () => {
  server = await startRedis();
});
after(() => server.stop());
beforeEach(async () => {
  await server.redis.flushall();
  await server.redis.set(LEASE_KEY, 'w');
  queue = new Queue(QUEUE_NAME, { connection: server.redis, prefix: QUEUE_PREFIX });
  stored = [];
  others = [];
});
afterEach(async () => {
  await rounds?.close();
  rounds = undefined;
  for (const other of others) await other.close(true);
  await queue.close();
});

let next = 1;
async function add(messages = 1, v: unknown = 2): Promise<string> {
  const first = next;
  next += messages;
  const tuples = Array.from({ length: messages }, (_, i): MessageTuple => [`${first + i}`, 'a', 'b', 1, '']);
  const envelope = { v, producer: 'p', first, at: Date.now(), messages: tuples };
  return (await queue.add(jobName('p', [first, next - 1]), envelope)).id as string;
}

/** A writer that takes jobs and dies, or does not know yet that it was replaced. */
function anotherWriter(): Worker {
  const worker = new Worker(QUEUE_NAME, undefined, { connection: server.redis, prefix: QUEUE_PREFIX });
  worker.on('error', () => {});
  others.push(worker);
  return worker;
}

function start(): void {
  rounds = startRounds({
    redis: server.redis,
    instance: 'w',
    handle: (batches) => {
      stored.push(...batches);
      return Promise.resolve(batches.flatMap(({ numbers }) => numbers ?? []));
    },
    settled: createSettled(server.redis, 'w'),
    trouble: () => {},
    log: createLogger('test', 'silent'),
  });
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1_000; i++) {
    if (await holds()) return;
    await delay(10);
  }
  assert.fail(`it did not happen: ${what}`);
}

const firstNumbers = (): number[] => stored.map(({ numbers }) => numbers?.range[0] ?? 0);
const inRedis = async (): Promise<number> =>
  (await server.redis.llen(`${JOBS}wait`)) + (await server.redis.llen(`${JOBS}active`));
const ascending = (numbers: number[]): number[] => [...new Set(numbers)].toSorted((a, b) => a - b);

test('jobs that other writers had in hand are stored in the order in which Redis numbered them, before newer ones', async () => {
  for (let i = 0; i < 30; i++) await add();
  const [a, b] = [anotherWriter(), anotherWriter()];
  for (let i = 0; i < 12; i++) await (i % 3 === 0 ? a : b).getNextJob(`${i}`, { block: false });
  // as an earlier take-over may have left them
  const active = await server.redis.lrange(`${JOBS}active`, 0, -1);
  await server.redis.del(`${JOBS}active`);
  await server.redis.rpush(
    `${JOBS}active`,
    ...active.filter((_, i) => i % 2 === 0),
    ...active.filter((_, i) => i % 2 === 1),
  );
  start();
  await until('all are stored', () => stored.length === 30);
  assert.deepEqual(firstNumbers(), ascending(firstNumbers()));
  await until('all are completed', async () => (await inRedis()) === 0);
});

test(
  'a writer that wakes and takes jobs in between changes nothing of the order',
  { timeout: 300_000 },
  async () => {
    const other = anotherWriter();
    const JOBS_ALL = 400;
    const begun = next;
    let waking = true;
    start();
    const woken = (async () => {
      for (let token = 0; waking; token++) {
        await other.getNextJob(`woken-${token}`, { block: false });
        await delay(3);
      }
    })();
    for (let i = 0; i < JOBS_ALL; i += 20) {
      await Promise.all(Array.from({ length: 20 }, () => add()));
      await delay(5);
    }
    waking = false;
    await woken;
    await until('all are stored', () => new Set(firstNumbers()).size === JOBS_ALL);
    assert.deepEqual(
      // a job whose completion the other one prevented comes again, and the ledger knows it
      firstNumbers().filter((number, i, all) => all.indexOf(number) === i),
      Array.from({ length: JOBS_ALL }, (_, i) => begun + i),
    );
  },
);

test('a batch of a later version is held, with everything behind it, until this writer is upgraded', async () => {
  const begun = next;
  await add();
  const later = await add(1, 4);
  await add();
  start();
  await until('it is held', () => rounds?.state() !== 'ok');
  assert.match(rounds?.state() ?? '', /version 4.*Upgrade the writer/);
  await delay(1_200);
  assert.deepEqual(firstNumbers(), [begun]);
  assert.equal(await inRedis(), 2);
  const data = JSON.parse((await server.redis.hget(`${JOBS}${later}`, 'data')) ?? '') as object;
  await server.redis.hset(`${JOBS}${later}`, 'data', JSON.stringify({ ...data, v: 2 }));
  await until('the rest is stored', () => stored.length === 3);
  assert.deepEqual(firstNumbers(), [begun, begun + 1, begun + 2]);
  await until('it says so', () => rounds?.state() === 'ok');
});

test('a damaged envelope is settled as the batch that its job is named after; no other waits for it', async () => {
  const begun = next;
  const damaged = await add(3);
  await server.redis.hset(`${JOBS}${damaged}`, 'data', '{"v":2,"produ');
  await add();
  const unnamed = await queue.add('by hand', { hello: 'world' });
  start();
  await until('all are stored', () => stored.length === 3);
  const [first, second, third] = stored as [QueueBatch, QueueBatch, QueueBatch];
  assert.ok('corrupt' in first && first.corrupt.includes('{\\"v\\":2,\\"produ'));
  assert.deepEqual(first.numbers, { producer: 'p', range: [begun, begun + 2] });
  assert.deepEqual(second.numbers?.range, [begun + 3, begun + 3]);
  assert.deepEqual(third.numbers, { producer: '_jobs', range: [Number(unnamed.id), Number(unnamed.id)] });
  await until('all are completed', async () => (await inRedis()) === 0);
  assert.deepEqual(await server.redis.hgetall(SETTLED_KEY), {
    p: JSON.stringify([[begun, begun + 3]]),
    _jobs: JSON.stringify([[Number(unnamed.id), Number(unnamed.id)]]),
  });
});

test('a round is bounded by messages and bytes before it is fetched, and has one job at least', async () => {
  const width = async (): Promise<number> => (await beginRound(server.redis, 'w')).width;
  assert.equal(await width(), 0);
  await add(9_000);
  assert.equal(await width(), 1);
  await add(1);
  assert.equal(await width(), 1);
  await server.redis.flushall();
  await server.redis.set(LEASE_KEY, 'w');
  for (let i = 0; i < 70; i++) await add(100);
  assert.equal(await width(), 40);
  await server.redis.flushall();
  await server.redis.set(LEASE_KEY, 'w');
  for (let i = 0; i < 5; i++) {
    const id = await add();
    await server.redis.hset(`${JOBS}${id}`, 'data', 'x'.repeat(3 * 1024 * 1024));
  }
  assert.equal(await width(), 2);
  await server.redis.flushall();
  await server.redis.set(LEASE_KEY, 'w');
  // a name of version 1 does not say how many messages there are
  for (let i = 0; i < 5; i++) await queue.add('p:1', { messages: 'x'.repeat(100_000) });
  assert.equal(await width(), 2);
});

test('without the lease no round begins', async () => {
  await add();
  await server.redis.set(LEASE_KEY, 'another');
  await assert.rejects(beginRound(server.redis, 'w'), /lease/);
  start();
  await delay(600);
  assert.deepEqual([stored.length, await inRedis()], [0, 1]);
  assert.equal(await server.redis.exists(CONFIRMED_KEY), 0);
});
