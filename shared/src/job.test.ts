import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readEnvelope, requestIdAt, type Envelope, type MessageTuple } from './job.js';

const message: MessageTuple = ['1', 'a', 'b', 1, 'hi'];
const envelope = (messages: number): Envelope => ({
  v: 1,
  producer: 'p',
  seq: 1,
  at: 1,
  messages: Array.from({ length: messages }, () => message),
});
/** As it comes out of Redis. */
const throughRedis = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test('an envelope without ids, as older programs write it, is read as it is', () => {
  const old = throughRedis(envelope(2));
  assert.deepEqual(readEnvelope(old), envelope(2));
  assert.equal(requestIdAt(readEnvelope(old), 0), undefined);
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
      assert.deepEqual(read.messages, envelope(3).messages);
      for (const [id] of read.trace ?? []) assert.match(id, /^[\w.:-]{1,128}$/);
      requestIdAt(read, 1);
    }),
  );
});
