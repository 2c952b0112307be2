/** Which producers leave Redis, when, and that no figure changes by it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { LEASE_KEY } from '@lyftr/shared/runtime/leader';
import { jobName } from '@lyftr/queue/envelope';
import { balance, CONFIRMED_KEY, ENDED_KEY, SETTLED_KEY, type LedgerAnswer } from '@lyftr/shared/ledger';
import { readRedisAccount } from '@lyftr/queue/account';
import { SNAPSHOTS_KEY } from '@lyftr/shared/metrics';
import { size, type Range } from '@lyftr/shared/ranges';
import { createEnder, type Ender } from './ended.js';
import { openWriteStore } from '@lyftr/store/open';
import type { WriteStore } from '@lyftr/store/store';
import { createSettled, type Settled } from '@lyftr/queue/settled';
import { startRedis, type TestRedis } from '@lyftr/queue/testing';

let server: TestRedis;
let directory: string;
let store: WriteStore;
let settled: Settled;
let ender: Ender;
before(async () => {
  server = await startRedis();
});
after(() => server.stop());
beforeEach(async () => {
  await server.redis.flushall();
  await server.redis.set(LEASE_KEY, 'w');
  directory = mkdtempSync(join(tmpdir(), 'lyftr-ended-'));
  store = await openWriteStore({ STORE_URL: 'sqlite:', DATA_DIR: directory }, 'w');
  settled = createSettled(server.redis, 'w');
  ender = createEnder({ redis: server.redis, store, settled, instance: 'w' });
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

async function settle(producer: string, range: Range): Promise<void> {
  const messages = Array.from({ length: size([range]) }, (_, i): [string, string, string, number, string] => [
    `${producer}-${range[0] + i}`,
    'a',
    'b',
    1,
    '',
  ]);
  await store.commit([{ numbers: { producer, range }, at: 0, items: messages }]);
  await settled.note([{ producer, range }]);
}

const confirm = (producer: string, ...ranges: Range[]) =>
  server.redis.hset(CONFIRMED_KEY, producer, JSON.stringify({ messages: size(ranges), ranges }));
const publish = (producer: string, stopped: boolean) =>
  server.redis.hset(SNAPSHOTS_KEY, producer, JSON.stringify({ at: Date.now(), stopped, metrics: [] }));
const ended = () => server.redis.hgetall(ENDED_KEY);
const listed = () => server.redis.hkeys(CONFIRMED_KEY);

async function ledger(): Promise<LedgerAnswer> {
  const account = await readRedisAccount(server.redis);
  return balance(account, await store.account(account.producers.keys()));
}

test('one that stopped leaves at once, with what it confirmed and what it did not', async () => {
  await settle('p', [1, 5]);
  await confirm('p', [1, 3]);
  await publish('p', true);
  const held = await ledger();
  assert.deepEqual([held.accepted, held.unconfirmed, held.difference], [3, 2, 0]);
  assert.equal(await ender.look(), 1);
  assert.deepEqual(await ended(), { accepted: '3', unconfirmed: '2' });
  assert.deepEqual([await listed(), await server.redis.hkeys(SETTLED_KEY)], [[], []]);
  assert.deepEqual(await ledger(), held);
  assert.equal(await ender.look(), 0);
  assert.deepEqual(await ended(), { accepted: '3', unconfirmed: '2' });
});

test('what came by each source stays known when its producers have ended', async () => {
  const confirmSources = (producer: string, sources: Record<string, number>) =>
    server.redis.hset(CONFIRMED_KEY, producer, JSON.stringify({ messages: 2, ranges: [[1, 2]], sources }));
  for (const producer of ['p', 'q']) {
    await settle(producer, [1, 2]);
    await publish(producer, true);
  }
  await confirmSources('p', { shop: 2 });
  await confirmSources('q', { shop: 1, code: 1 });
  const kept = await ledger();
  assert.deepEqual(kept.accepted_by_source, { shop: 3, code: 1 });
  assert.equal(await ender.look(), 2);
  assert.deepEqual(await ledger(), kept);
  assert.deepEqual((await ended())['source:shop'], '3');
});

test('one that lives stays, and so does one that has just begun', async () => {
  await settle('lives', [1, 5]);
  await confirm('lives', [1, 5]);
  await publish('lives', false);
  for (let look = 0; look < 3; look++) assert.equal(await ender.look(), 0);
  await settle('new', [1, 1]);
  assert.equal(await ender.look(), 0);
  await settle('new', [2, 2]);
  assert.equal(await ender.look(), 0);
  await publish('new', false);
  assert.equal(await ender.look(), 0);
  assert.deepEqual(await ended(), {});
});

test('one that was killed leaves when its figures were folded, and nothing of it changed between two looks', async () => {
  await settle('p', [1, 5]);
  assert.equal(await ender.look(), 0);
  assert.equal(await ender.look(), 1);
  assert.deepEqual(await ended(), { accepted: '0', unconfirmed: '5' });
  assert.equal((await ledger()).difference, 0);
});

test('one of which something waits or is missing stays', async () => {
  await settle('p', [1, 2]);
  await confirm('p', [1, 4]);
  await publish('p', true);
  await server.redis.hset('lyftr:deliveries:1', 'name', jobName('p', [3, 4]));
  await server.redis.lpush('lyftr:deliveries:wait', '1');
  assert.equal(await ender.look(), 0);
  await server.redis.del('lyftr:deliveries:wait', 'lyftr:deliveries:1');
  assert.equal(await ender.look(), 0);
  await settle('p', [3, 4]);
  assert.equal(await ender.look(), 1);
});

test('a database that was restored since shows how many messages of them it lacks', async () => {
  await settle('p', [1, 5]);
  await confirm('p', [1, 5]);
  await publish('p', true);
  await ender.look();
  await store.close();
  rmSync(join(directory, 'lyftr.db'));
  store = await openWriteStore({ STORE_URL: 'sqlite:', DATA_DIR: directory }, 'w');
  assert.equal((await ledger()).difference, 5);
});

test('a writer that lost its lease drops nobody', async () => {
  await settle('p', [1, 5]);
  await publish('p', true);
  await server.redis.set(LEASE_KEY, 'another');
  assert.equal(await ender.look(), 0);
  await assert.rejects(settled.note([{ producer: 'p', range: [6, 6] }]), /lease/);
  assert.deepEqual(await server.redis.hkeys(SETTLED_KEY), ['p']);
});
