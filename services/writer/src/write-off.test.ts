/** When missing batches are written off, when that is refused, and what becomes of one that comes after all. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import Database from 'better-sqlite3';
import { jobName, type Envelope } from '@lyftr/shared/job';
import { ACCEPTED_KEY, ACKNOWLEDGED_KEY, FINISHED, SNAPSHOTS_KEY } from '@lyftr/shared/metrics';
import { openStore, type Store } from './store.js';
import { startRedis, type TestRedis } from './testing.js';
import { writeOff } from './write-off.js';

let server: TestRedis;
let directory: string;
let store: Store;
before(async () => {
  server = await startRedis();
});
after(() => server.stop());
beforeEach(async () => {
  await server.redis.flushall();
  directory = mkdtempSync(join(tmpdir(), 'lyftr-write-off-'));
  store = openStore(join(directory, 'lyftr.db'), 'w');
});
afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true });
});

const batch = (seq: number, count: number, producer = 'p'): Envelope => ({
  v: 1,
  producer,
  seq,
  at: 0,
  messages: Array.from({ length: count }, (_, i) => [`${producer}-${seq}-${i}`, 'a', 'b', 1, 'text']),
});

async function publish(accepted: number, ranges: [number, number][], stopped = true): Promise<void> {
  await server.redis.hset(ACCEPTED_KEY, 'p', accepted);
  await server.redis.hset(ACKNOWLEDGED_KEY, 'p', JSON.stringify(ranges));
  const snapshot = { at: Date.now(), stopped, metrics: [] };
  await server.redis.hset(SNAPSHOTS_KEY, 'p', JSON.stringify(snapshot));
}

async function enqueue(seq: number, producer = 'p'): Promise<void> {
  await server.redis.hset(`lyftr:deliveries:${producer}${seq}`, 'name', jobName(producer, seq));
  await server.redis.lpush('lyftr:deliveries:wait', `${producer}${seq}`);
}

function rows(sql: string): unknown[][] {
  const database = new Database(join(directory, 'lyftr.db'), { readonly: true });
  try {
    return database.prepare(sql).raw().all() as unknown[][];
  } finally {
    database.close();
  }
}

const writtenOff = (): unknown => rows("SELECT value FROM counters WHERE name = 'written_off'")[0]?.[0];
const refusal = (detail: RegExp) => (error: { code?: string; message: string }) => {
  assert.equal(error.code, 'not-written-off');
  assert.match(error.message, detail);
  assert.equal(writtenOff(), 0);
  return true;
};

test('what is missing moves to what is written off, once', async () => {
  store.commit([batch(1, 2), batch(3, 2)]);
  await publish(10, [[1, 4]]);
  const answer = await writeOff(server.redis, store, 2);
  assert.deepEqual(answer, {
    batches: 2,
    messages: 6,
    producers: [{ producer: 'p', batches: 2, messages: 6 }],
  });
  assert.equal(writtenOff(), 6);
  assert.deepEqual(store.settled(), [{ producer: 'p', settled: 10 }]);
  assert.deepEqual(await writeOff(server.redis, store, 0), { batches: 0, messages: 0, producers: [] });
  assert.equal(writtenOff(), 6);
});

test('one that comes after all is stored, counted once, and written off no more; a second copy of it is known', async () => {
  await publish(5, [[1, 2]]);
  await writeOff(server.redis, store, 2);
  for (let copy = 0; copy < 2; copy++) {
    store.commit([batch(1, 2)]);
    assert.equal(store.outcomes().created, 2);
    assert.equal(store.outcomes().duplicate, 0);
    assert.equal(writtenOff(), 3);
    assert.deepEqual(store.settled(), [{ producer: 'p', settled: 5 }]);
  }
  store.commit([batch(3, 1)]);
  assert.equal(writtenOff(), 3);
});

test('a producer of which everything was written off leaves Redis like others', async () => {
  await publish(5, [[1, 2]]);
  await writeOff(server.redis, store, 2);
  const claim = { producer: 'p', accepted: 5, acknowledged: [[1, 2] as [number, number]] };
  assert.deepEqual(store.finish([claim]), [claim]);
  assert.deepEqual(store.finished(), { sum: 0, settled: 0 });
});

test('jobs of the producer that wait are waited for, those of others are not', async () => {
  store.commit([batch(1, 2)]);
  await publish(6, [[1, 3]]);
  await enqueue(3);
  await assert.rejects(writeOff(server.redis, store, 1), refusal(/Jobs of p wait/));
  await server.redis.del('lyftr:deliveries:wait');
  await server.redis.hset(ACCEPTED_KEY, 'q', 8);
  await server.redis.hset(ACKNOWLEDGED_KEY, 'q', '[[1,1]]');
  await enqueue(1, 'q');
  const { producers } = await writeOff(server.redis, store, 2);
  assert.deepEqual(producers, [{ producer: 'p', batches: 2, messages: 4 }]);
});

test('a process that takes messages meanwhile is not judged by figures that are behind', async () => {
  store.commit([batch(2, 2), batch(3, 2)]);
  await publish(6, [[1, 2]], false);
  await assert.rejects(writeOff(server.redis, store, 1), refusal(/takes messages meanwhile/));
  await publish(8, [[1, 3]], false);
  assert.equal((await writeOff(server.redis, store, 1)).messages, 4);
});

test('another number of batches than the operator has seen changes nothing', async () => {
  await publish(6, [[1, 2]]);
  await assert.rejects(writeOff(server.redis, store, 1), refusal(/Now 2 batches are missing, and not 1/));
});

test('what a restored database lacks of those who finished is written off too', async () => {
  await server.redis.hset(ACCEPTED_KEY, FINISHED, 9);
  const answer = await writeOff(server.redis, store, 0);
  assert.deepEqual(answer.producers, [{ producer: FINISHED, batches: 0, messages: 9 }]);
  assert.deepEqual(store.finished(), { sum: 0, settled: 9 });
  assert.equal(writtenOff(), 9);
});

test('a writer that was replaced writes nothing off', async () => {
  await publish(6, [[1, 2]]);
  openStore(join(directory, 'lyftr.db'), 'other').close();
  await assert.rejects(writeOff(server.redis, store, 2), { name: 'FencedError' });
  assert.equal(writtenOff(), 0);
});
