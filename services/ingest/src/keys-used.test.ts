import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { KEYS_USED_KEY, keyOfField, keyUsedField } from '@lyftr/shared/sources';
import { startRedis } from '@lyftr/queue/testing';
import { createKeysUsed, type KeysUsed } from './keys-used.js';
import { startIngest } from './testing.js';
import { send, senderOf, signedBy } from './testing-sources.js';

test('Redis has the last use of each key, whichever process writes last', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const { redis } = server;
  const [one, other] = [createKeysUsed(redis), createKeysUsed(redis)];
  one.note('shop', 'a', 1_000);
  one.note('shop', 'a', 3_000);
  one.note('shop', 'b', 10_000);
  one.note('shop', 'a', 2_000);
  other.note('shop', 'a', 2_500);
  other.note('shop', 'b', 9_000);
  await one.stop();
  await other.stop();
  assert.deepEqual(await redis.hgetall(KEYS_USED_KEY), { 'shop/a': '3000', 'shop/b': '10000' });
  assert.deepEqual(keyOfField(keyUsedField('shop', 'a.b_c-d')), { source: 'shop', key: 'a.b_c-d' });
});

test('what Redis could not take is written later', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const { redis } = server;
  await redis.set(KEYS_USED_KEY, 'no hash');
  const used = createKeysUsed(redis);
  used.note('shop', 'a', 1_000);
  // time for it to fail once
  await delay(1_100);
  await redis.del(KEYS_USED_KEY);
  while ((await redis.hget(KEYS_USED_KEY, 'shop/a')) === null) await delay(20);
  await used.stop();
  assert.equal(await redis.hget(KEYS_USED_KEY, 'shop/a'), '1000');
});

test('a key is used when a delivery that it verified is accepted', async (t) => {
  const noted: string[] = [];
  const keysUsed: KeysUsed = {
    note: (source, key) => void noted.push(`${source}/${key}`),
    stop: () => Promise.resolve(),
  };
  const senders = [senderOf('github'), senderOf('slack', { rateLimit: { per_second: 0.01, burst: 1 } })];
  const ingest = await startIngest({ senders, keysUsed });
  t.after(() => ingest.close());
  await send(ingest.port, { ...signedBy('github'), headers: [] });
  assert.deepEqual(noted, []);
  for (const scheme of ['github', 'slack', 'slack'] as const) await send(ingest.port, signedBy(scheme));
  assert.deepEqual(noted, ['github/main', 'slack/main']);
});
