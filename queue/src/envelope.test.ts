import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { requestIdAt, type MessageTuple, type QueueItem, type SourceDelivery } from '@lyftr/shared/batch';
import {
  createEnvelope,
  encodeEnvelope,
  hasDeliveries,
  jobName,
  numbersOfJob,
  readEnvelope,
  UnknownVersionError,
  type Envelope,
} from './envelope.js';

const message: MessageTuple = ['1', 'a', 'b', 1, 'hi'];
const envelope = (messages: number): Envelope => ({
  v: 2,
  producer: 'p',
  first: 7,
  at: 1,
  messages: Array.from({ length: messages }, () => message),
});
/** As it comes out of Redis. */
const throughRedis = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test('a batch has the numbers of its messages', () => {
  const { at, messages } = envelope(2);
  const read = readEnvelope(throughRedis(envelope(2)));
  assert.deepEqual(read, { numbers: { producer: 'p', range: [7, 8] }, at, items: messages });
  assert.equal(requestIdAt(read, 0), undefined);
});

test('version 1, which has no numbers of messages, is still read', () => {
  const { at, messages } = envelope(2);
  const old = { v: 1, producer: 'p', seq: 3, at, messages };
  assert.deepEqual(readEnvelope(throughRedis(old)), { numbers: undefined, at, items: messages });
});

test('a later version is told from damage', () => {
  assert.throws(() => readEnvelope(throughRedis({ ...envelope(1), v: 4 })), UnknownVersionError);
  for (const v of [undefined, null, 0, -1, 1.5, '2', 'x'])
    assert.throws(() => readEnvelope({ ...envelope(1), v }), { name: 'Error', message: /version/ });
});

test('a job is named after its batch, and the name is read back', () => {
  assert.deepEqual(numbersOfJob(jobName('p', [7, 8])), { producer: 'p', range: [7, 8] });
  for (const name of ['', 'p', 'p:1', 'p:0:1', 'p:1:0', 'p:1:1:1', 'p:-1:1', ':1:1'])
    assert.equal(numbersOfJob(name), undefined, name);
});

test('each message has the id of its delivery', () => {
  const traced = readEnvelope(
    throughRedis({
      ...envelope(5),
      trace: [
        ['x', 1, 2],
        ['y', 4, 1],
      ],
    }),
  );
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((index) => requestIdAt(traced, index)),
    [undefined, 'x', 'x', undefined, 'y'],
  );
});

test('whatever stands in the place of the ids, no message is lost for it, and nothing unsafe comes through', () => {
  const anything = fc.oneof(fc.jsonValue(), fc.array(fc.tuple(fc.string(), fc.jsonValue(), fc.integer())));
  fc.assert(
    fc.property(anything, (trace) => {
      const read = readEnvelope(throughRedis({ ...envelope(3), trace }));
      assert.deepEqual(read.items, envelope(3).messages);
      for (const [id] of read.trace ?? []) assert.match(id, /^[\w.:-]{1,128}$/);
      requestIdAt(read, 1);
    }),
  );
});

test('an envelope with deliveries is encoded as JSON.stringify would, whatever is in it', () => {
  const text = fc.string({ unit: 'binary' });
  const delivery = fc.record<SourceDelivery>(
    {
      source: text,
      scheme: text,
      key: text,
      id: text,
      verifiedAt: fc.nat(),
      signedAt: fc.nat(),
      contentType: text,
      headers: fc.dictionary(text, text),
      body: text,
    },
    { requiredKeys: ['source', 'scheme', 'key', 'id', 'verifiedAt', 'contentType', 'headers', 'body'] },
  );
  const item = fc.oneof<fc.Arbitrary<QueueItem>[]>(delivery, fc.constant(message));
  fc.assert(
    fc.property(fc.array(item, { minLength: 1, maxLength: 4 }), fc.boolean(), (items, isTraced) => {
      const numbers = { producer: 'p', range: [7, 6 + items.length] as [number, number] };
      const made = createEnvelope(numbers, 1, items, isTraced ? [['x', 0, 1]] : undefined);
      assert.equal(hasDeliveries(made), !items.every(Array.isArray));
      assert.deepEqual(JSON.parse(encodeEnvelope(made).toString('utf8')), throughRedis(made));
    }),
  );
});
