import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bucketsFor, TokenBucket } from './rate-limit.js';
import { startIngest } from './testing.js';
import { send, senderOf, signedBy } from './testing-sources.js';

test('a bucket gives its burst at once, and then its rate', () => {
  let now = 0;
  const bucket = new TokenBucket({ per_second: 2, burst: 3 }, () => now);
  assert.deepEqual([bucket.take(), bucket.take(), bucket.take()], [0, 0, 0]);
  assert.equal(bucket.take(), 0.5);
  now = 400;
  assert.ok(Math.abs(bucket.take() - 0.1) < 1e-9);
  now = 500;
  assert.equal(bucket.take(), 0);
  // what is not taken does not add up beyond the burst
  now = 1e6;
  assert.deepEqual([bucket.take(), bucket.take(), bucket.take()], [0, 0, 0]);
  assert.ok(bucket.take() > 0);
  now = 2e6;
  assert.equal(bucket.take(4), 0.5);
  assert.equal(bucket.take(3), 0);
});

const limited = (perSecond: number, burst: number) =>
  senderOf('github', { rateLimit: { per_second: perSecond, burst } });

test('a bucket goes on over a reload that does not change its limit', () => {
  const before = bucketsFor([limited(1, 5), senderOf('stripe')], new Map());
  assert.deepEqual([...before.keys()], ['github']);
  assert.equal(bucketsFor([limited(1, 5)], before).get('github'), before.get('github'));
  for (const changed of [limited(2, 5), limited(1, 6)])
    assert.notEqual(bucketsFor([changed], before).get('github'), before.get('github'));
  assert.equal(bucketsFor([senderOf('github')], before).size, 0);
});

test('who sends more than allowed is told when to come again; forgeries cost nothing', async (t) => {
  const senders = [limited(0.01, 2), senderOf('slack', { rateLimit: { per_second: 0.01, burst: 1 } })];
  const ingest = await startIngest({ senders });
  t.after(() => ingest.close());
  const forged = { ...signedBy('github'), headers: [] };
  for (let i = 0; i < 5; i++) assert.equal((await send(ingest.port, forged)).status, 401);
  for (let i = 0; i < 2; i++) assert.equal((await send(ingest.port, signedBy('github'))).status, 200);
  ingest.reload();
  const refused = await send(ingest.port, signedBy('github'));
  assert.equal(refused.status, 429);
  assert.match(refused.body, /urn:lyftr:problem:rate-limited/);
  const waitSeconds = Number(refused.header('retry-after'));
  assert.ok(waitSeconds > 0 && waitSeconds <= 100, String(waitSeconds));
  assert.equal((await send(ingest.port, forged)).status, 401);
  assert.equal(ingest.taken.length, 2);

  // a handshake is not counted
  const handshake = signedBy('slack', { body: Buffer.from('{"type":"url_verification","challenge":"a"}') });
  const statuses = [];
  for (const sent of [handshake, handshake, signedBy('slack'), handshake, signedBy('slack')])
    statuses.push((await send(ingest.port, sent)).status);
  assert.deepEqual(statuses, [200, 200, 200, 200, 429]);
  const page = await ingest.registry.metrics();
  assert.match(page, /^webhook_total\{status="rate_limited",source="github"\} 1$/m);
});
