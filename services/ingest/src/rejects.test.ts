/** The list of rejected deliveries, as ingest writes it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { REJECTS_KEY, REJECTS_MAX, type Reject } from '@lyftr/shared/sources';
import { otherKeyOf } from '@lyftr/sources/testing';
import { startRedis } from '@lyftr/queue/testing';
import { createRejects, writeReject } from './rejects.js';
import { startIngest } from './testing.js';
import { longAgo, send, senderOf, signedBy } from './testing-sources.js';

test('a rejected delivery is noted when its answer has left, without its body and its signature', async (t) => {
  const keys = [
    { id: 'new', secret: 'the new key' },
    { id: 'old', secret: 'the key of a provider', retired: true },
  ];
  const senders = [senderOf('github', { keys }), senderOf('stripe')];
  const ingest = await startIngest({ senders });
  t.after(() => ingest.close());
  const sent = signedBy('github');
  sent.headers.push(['x-request-id', 'given']);
  const before = Date.now();
  await send(ingest.port, sent);
  await send(ingest.port, signedBy('stripe', { nowMs: longAgo() }));
  await send(ingest.port, { ...signedBy('stripe'), headers: signedBy('slack').headers });
  while (ingest.rejected.length < 3) await delay(5);
  const [first, second, third] = ingest.rejected as [Reject, Reject, Reject];
  const { at, ...rest } = first;
  assert.ok(Date.parse(at) >= before && Date.parse(at) <= Date.now());
  assert.deepEqual(rest, {
    source: 'github',
    reason: 'wrong',
    near: 'retired-key',
    key: 'old',
    bytes: sent.body.length,
    sha256: createHash('sha256').update(sent.body).digest('hex'),
    request_id: 'given',
  });
  assert.deepEqual([second.source, second.reason, second.near], ['stripe', 'time', 'clock']);
  assert.ok(Math.abs((second.seconds as number) - 7_200) < 60);
  assert.deepEqual([third.reason, third.near], ['missing', 'other-scheme']);
  for (const [, value] of sent.headers) {
    if (value === 'given') continue;
    assert.ok(!JSON.stringify(ingest.rejected).includes(value), value);
  }
});

test('a flood is noted in part: at most 20 in a second, and all of it is counted', async (t) => {
  const ingest = await startIngest({ senders: [senderOf('github')] });
  t.after(() => ingest.close());
  const forged = signedBy('github', { pair: otherKeyOf('github') });
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: 200 }, () => send(ingest.port, forged)));
  await delay(20);
  const seconds = (performance.now() - startedAt) / 1_000;
  assert.ok(ingest.rejected.length >= 20);
  assert.ok(ingest.rejected.length <= 20 * Math.ceil(seconds), `${ingest.rejected.length} in ${seconds} s`);
  const page = await ingest.registry.metrics();
  assert.match(page, /^webhook_rejected_total\{source="github",reason="wrong"\} 200$/m);
});

test('many large bodies in a second are not all searched', () => {
  let searched = 0;
  const source = senderOf('github');
  const counting = { ...source, verify: (request: never) => (searched++, source.verify(request)) };
  const rejects = createRejects({ sources: () => [], write: () => {} });
  const delivery = {
    method: 'POST',
    url: '/webhook/github',
    headers: {},
    contentType: undefined,
    nowMs: 0,
    requestId: 'a',
    isTraced: false,
    startedAt: 0,
    rawHeaders: ['x-hub-signature-256', 'a'],
    body: Buffer.alloc(1024 * 1024),
  };
  for (let i = 0; i < 20; i++) rejects.note({ source: counting, delivery, refused: { reason: 'wrong' } });
  return new Promise<void>((resolve) =>
    setImmediate(() => {
      assert.ok(searched > 0 && searched <= 4 * 4, String(searched));
      resolve();
    }),
  );
});

test('Redis keeps the last thousand, the newest first', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const { redis } = server;
  const reject = (bytes: number): Reject => ({
    at: new Date(0).toISOString(),
    source: 'a',
    reason: 'wrong',
    near: null,
    bytes,
    sha256: '',
    request_id: '',
  });
  for (let i = 0; i < REJECTS_MAX + 5; i++) writeReject(redis, reject(i));
  await redis.ping();
  const texts = await redis.lrange(REJECTS_KEY, 0, -1);
  assert.equal(texts.length, REJECTS_MAX);
  assert.deepEqual(JSON.parse(texts[0] as string), reject(REJECTS_MAX + 4));
  assert.equal((JSON.parse(texts.at(-1) as string) as Reject).bytes, 5);
});
