/** When the account of missing messages is closed, when that is refused, and what becomes of one that comes later. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { LEASE_KEY } from '@lyftr/shared/runtime/leader';
import type { ReadBatch } from '@lyftr/shared/batch';
import { jobName } from '@lyftr/queue/envelope';
import { balance, CONFIRMED_KEY, ENDED_KEY, SETTLED_KEY, type LedgerAnswer } from '@lyftr/shared/ledger';
import { readRedisAccount } from '@lyftr/queue/account';
import { size, type Range } from '@lyftr/shared/ranges';
import { openWriteStore } from '@lyftr/store/open';
import type { WriteStore } from '@lyftr/store/store';
import { createSettled, type Settled } from '@lyftr/queue/settled';
import { startRedis, type TestRedis } from '@lyftr/queue/testing';
import { writeOff } from './write-off.js';

let server: TestRedis;
let directory: string;
let store: WriteStore;
let settled: Settled;
before(async () => {
  server = await startRedis();
});
after(() => server.stop());
beforeEach(async () => {
  await server.redis.flushall();
  await server.redis.set(LEASE_KEY, 'w');
  directory = mkdtempSync(join(tmpdir(), 'lyftr-write-off-'));
  store = await openWriteStore({ STORE_URL: 'sqlite:', DATA_DIR: directory }, 'w');
  settled = createSettled(server.redis, 'w');
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

const batch = (first: number, count: number, producer = 'p'): ReadBatch => ({
  numbers: { producer, range: [first, first + count - 1] },
  at: 0,
  items: Array.from({ length: count }, (_, i) => [`${producer}-${first + i}`, 'a', 'b', 1, 'text']),
});

async function confirm(ranges: Range[], producer = 'p', messages = size(ranges)): Promise<void> {
  await server.redis.hset(CONFIRMED_KEY, producer, JSON.stringify({ messages, ranges }));
}

async function enqueue(range: Range, producer = 'p'): Promise<void> {
  await server.redis.hset(`lyftr:deliveries:${producer}${range[0]}`, 'name', jobName(producer, range));
  await server.redis.lpush('lyftr:deliveries:wait', `${producer}${range[0]}`);
}

async function ledger(): Promise<LedgerAnswer> {
  const account = await readRedisAccount(server.redis);
  return balance(account, await store.account(account.producers.keys()));
}

const close = (difference: number) => writeOff(server.redis, store, settled, difference);

const writtenOff = async (): Promise<number> => (await store.account([])).writtenOff;

const refusal = (detail: RegExp) => (error: { code?: string; message: string }) => {
  assert.equal(error.code, 'not-written-off');
  assert.match(error.message, detail);
  return true;
};

test('what is missing moves to what is written off, once, and ingest learns that it does not wait', async () => {
  await store.commit([batch(1, 2), batch(5, 2)]);
  await confirm([[1, 10]]);
  assert.equal((await ledger()).difference, 6);
  const lost: Range[] = [
    [3, 4],
    [7, 10],
  ];
  const producers = [{ producer: 'p', ranges: lost }];
  assert.deepEqual(await close(6), { messages: 6, producers, unnamed: 0, unconfirmed: 0 });
  assert.equal(await writtenOff(), 6);
  const { difference, missing, written_off } = await ledger();
  assert.deepEqual(
    { difference, missing, written_off },
    {
      difference: 0,
      missing: { messages: 0, producers: [] },
      written_off: 6,
    },
  );
  assert.equal(await server.redis.hget(SETTLED_KEY, 'p'), JSON.stringify(lost));
  assert.deepEqual(await close(0), { messages: 0, producers: [], unnamed: 0, unconfirmed: 0 });
  assert.equal(await writtenOff(), 6);
});

test('one that comes later is stored, counted once, and written off no more; a second copy of it is known', async () => {
  await confirm([[1, 5]]);
  await close(5);
  for (let copy = 0; copy < 2; copy++) {
    await store.commit([batch(1, 2)]);
    assert.equal((await store.outcomes()).created, 2);
    assert.equal((await store.outcomes()).duplicate, 0);
    assert.equal(await writtenOff(), 3);
    assert.equal((await ledger()).difference, 0);
  }
  // it was never acknowledged
  await store.commit([batch(6, 1)]);
  assert.equal(await writtenOff(), 3);
  const { difference, unconfirmed } = await ledger();
  assert.deepEqual({ difference, unconfirmed }, { difference: 0, unconfirmed: 1 });
});

test('what waits is not missing', async () => {
  await store.commit([batch(1, 2)]);
  await confirm([[1, 6]]);
  await enqueue([5, 6]);
  await confirm([[1, 8]], 'q');
  await enqueue([1, 8], 'q');
  const { waiting, missing, difference } = await ledger();
  assert.deepEqual([waiting, missing?.messages, difference], [10, 2, 2]);
  const { producers } = await close(2);
  assert.deepEqual(producers, [{ producer: 'p', ranges: [[3, 4]] }]);
});

test('what was stored though its sender was told 503 hides nothing that was acknowledged', async () => {
  // 1 and 2 were refused and are stored all the same, 3 was acknowledged and is gone
  await store.commit([batch(1, 2)]);
  await confirm([[3, 3]]);
  const { accepted, unconfirmed, created, missing, difference } = await ledger();
  assert.deepEqual(
    { accepted, unconfirmed, created, difference },
    {
      accepted: 1,
      unconfirmed: 2,
      created: 2,
      difference: 1,
    },
  );
  assert.deepEqual(missing?.producers, [{ producer: 'p', ranges: [[3, 3]] }]);
});

test('another difference than the operator has seen changes nothing', async () => {
  await confirm([[1, 6]]);
  await assert.rejects(close(1), refusal(/is now 6, not 1/));
  assert.equal(await writtenOff(), 0);
});

test('what a restored database lacks is named by what the writer left in Redis, also of a process that was killed', async () => {
  // confirmed nothing: it was killed within the second in which it acknowledged
  await settled.note([{ producer: 'killed', range: [1, 4] }]);
  const { missing, unconfirmed, difference } = await ledger();
  assert.deepEqual(missing, { messages: 4, producers: [{ producer: 'killed', ranges: [[1, 4]] }] });
  assert.deepEqual([unconfirmed, difference], [4, 4]);
});

test('what a restored database lacks of producers that ended is written off by its number', async () => {
  await server.redis.hset(ENDED_KEY, { accepted: 9, unconfirmed: 1 });
  assert.deepEqual(await close(10), { messages: 0, producers: [], unnamed: 10, unconfirmed: 0 });
  assert.equal(await writtenOff(), 10);
  assert.equal((await ledger()).difference, 0);
});

test('what is stored of which Redis knows nothing counts as unconfirmed from then on', async () => {
  await store.commit([batch(1, 7, 'forgotten')]);
  assert.equal((await ledger()).difference, -7);
  assert.deepEqual(await close(-7), { messages: 0, producers: [], unnamed: 0, unconfirmed: 7 });
  const { difference, unconfirmed } = await ledger();
  assert.deepEqual([difference, unconfirmed, await writtenOff()], [0, 7, 0]);
});

test('a count of ingest that is wrong makes the ledger false', async () => {
  await store.commit([batch(1, 2)]);
  await confirm([[1, 2]], 'p', 3);
  const { difference, missing } = await ledger();
  assert.deepEqual([difference, missing?.messages], [1, 0]);
});

test('a writer that was replaced writes nothing off', async () => {
  await confirm([[1, 6]]);
  await (await openWriteStore({ STORE_URL: 'sqlite:', DATA_DIR: directory }, 'other')).close();
  await assert.rejects(close(6), { name: 'FencedError' });
  assert.equal(await writtenOff(), 0);
});
