import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceDelivery } from '@lyftr/shared/batch';
import { Bytes, ByteQueue } from './byte-queue.js';
import { encodeEnvelope, type Envelope } from './envelope.js';
import { JOB_OPTIONS, QUEUE_NAME, QUEUE_PREFIX, queueKey } from './options.js';
import { startRedis } from './testing.js';

test('a content that is given as bytes is in Redis as the same content that BullMQ wrote', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const queue = new ByteQueue<Envelope>(QUEUE_NAME, { connection: server.redis, prefix: QUEUE_PREFIX });
  t.after(() => queue.close());
  const delivery: SourceDelivery = {
    source: 'shop',
    scheme: 'shopify',
    key: 'main',
    id: 'd-1',
    verifiedAt: 1,
    contentType: '',
    headers: { a: 'ä' },
    body: 'ä\u0000€😀"\\\n\u2028',
  };
  const envelope: Envelope = {
    v: 3,
    producer: 'p',
    first: 1,
    at: 1,
    messages: [delivery, ['1', 'a', 'b', 1, 'é'], delivery],
    trace: [['r', 0, 1]],
  };
  const ids: string[] = [];
  for (const content of [envelope, new Bytes(encodeEnvelope(envelope))])
    ids.push((await queue.add('p:1:3', content, JOB_OPTIONS)).id as string);
  const [text, bytes] = await Promise.all(ids.map((id) => server.redis.hget(queueKey(id), 'data')));
  assert.deepEqual(JSON.parse(bytes as string), envelope);
  assert.deepEqual(JSON.parse(text as string), envelope);
});
