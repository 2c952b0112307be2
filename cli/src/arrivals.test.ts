import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { Client } from '@lyftr/shared/client/client';
import { watchArrivals, type Arrivals, type ListedMessage } from './arrivals.js';

const nowSeconds = Math.floor(Date.now() / 1_000);
const HOUR = 3_600;

let stored: ListedMessage[];
let failing: Error | undefined;
/** Parameters of all requests. */
let asked: URLSearchParams[];
beforeEach(() => {
  [stored, failing, asked] = [[], undefined, []];
});

/** `GET /messages` over `stored`, with the parameters that are used. */
const client = {
  get(path: string) {
    const query = new URL(path, 'http://h').searchParams;
    asked.push(query);
    if (failing !== undefined && query.has('cursor') && query.get('cursor') !== '')
      return Promise.reject(failing);
    const since = query.has('since') ? Date.parse(query.get('since') as string) / 1_000 : 0;
    const all = stored
      .filter(({ ts }) => ts >= since)
      .toSorted((a, b) => b.ts - a.ts || (a.message_id < b.message_id ? 1 : -1));
    const start = Number(query.get('cursor') ?? 0);
    const end = start + Number(query.get('limit'));
    const next_cursor = end < all.length ? String(end) : null;
    return Promise.resolve({ total: all.length, data: all.slice(start, end), next_cursor });
  },
} as unknown as Client;

const add = (id: string, ts: number): void =>
  void stored.push({ message_id: id, from: '1', to: '2', ts, text: '' });
const ids = async (arrivals: Arrivals): Promise<string[]> =>
  (await arrivals.next()).map(({ message_id }) => message_id);

test('only what arrives after the start is returned, once, whatever its time is', async () => {
  for (let i = 0; i < 250; i++) add(`before-${i}`, nowSeconds - i * 60);
  const arrivals = watchArrivals(client, { source: 'shop' });
  await arrivals.begin();
  assert.deepEqual(await ids(arrivals), []);
  // one at the top, one in the middle of the second page, one in the future
  add('middle', nowSeconds - 150 * 60);
  add('top', nowSeconds);
  add('future', nowSeconds + HOUR);
  assert.deepEqual(await ids(arrivals), ['middle', 'top', 'future']);
  assert.deepEqual(await ids(arrivals), []);
  assert.equal(arrivals.older, 0);
  assert.ok(asked.every((query) => query.get('source') === 'shop'));
});

test('nothing new costs one page', async () => {
  for (let i = 0; i < 250; i++) add(`before-${i}`, nowSeconds - i);
  const arrivals = watchArrivals(client, {});
  await arrivals.begin();
  asked = [];
  await arrivals.next();
  assert.deepEqual(
    asked.map((query) => query.get('limit')),
    ['1', '100'],
  );
});

test('what arrives long after its time is counted, and not returned', async () => {
  add('old', nowSeconds - 20 * HOUR);
  const arrivals = watchArrivals(client, {});
  await arrivals.begin();
  add('late-1', nowSeconds - 13 * HOUR);
  add('late-2', nowSeconds - 14 * HOUR);
  add('in time', nowSeconds - 11 * HOUR);
  assert.deepEqual(await ids(arrivals), ['in time']);
  assert.equal(arrivals.older, 2);
});

test('what a failed look had found is returned by the next one', async () => {
  for (let i = 0; i < 250; i++) add(`before-${i}`, nowSeconds - i * 60);
  const arrivals = watchArrivals(client, {});
  await arrivals.begin();
  add('top', nowSeconds);
  add('middle', nowSeconds - 150 * 60);
  failing = new Error('away');
  await assert.rejects(arrivals.next(), failing);
  failing = undefined;
  assert.deepEqual(await ids(arrivals), ['middle', 'top']);
});

test('in a busy system the recent past is short, and what arrives before it is counted', async () => {
  for (let i = 0; i < 10_500; i++) add(`before-${i}`, nowSeconds - Math.floor(i / 10));
  const arrivals = watchArrivals(client, {});
  await arrivals.begin();
  assert.ok(asked.length < 110, String(asked.length));
  add('lagging', nowSeconds - 900);
  add('late', nowSeconds - 1_100);
  assert.deepEqual(await ids(arrivals), ['lagging']);
  assert.equal(arrivals.older, 1);
});
