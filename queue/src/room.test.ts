import assert from 'node:assert/strict';
import { test } from 'node:test';
import { depthOf, retryAfterSeconds } from './room.js';

const confirmed = (messages: number, ...ranges: [number, number][]): string =>
  JSON.stringify({ messages, ranges });

test('depth is what was confirmed and is not settled, message by message', () => {
  const all = { a: confirmed(10, [1, 10]), b: confirmed(5, [1, 3], [8, 9]) };
  assert.equal(depthOf(all, { a: '[[1,4]]' }), 11);
  // what was stored though its sender was told 503 (4 to 7) does not hide what was acknowledged and waits (8, 9)
  assert.equal(depthOf(all, { a: '[[1,10]]', b: '[[1,7]]' }), 2);
  assert.equal(depthOf(all, { a: '[[1,10]]', b: '[[1,9]]' }), 0);
  assert.equal(depthOf({}, { gone: '[[1,3]]' }), 0);
});

test('a sender is told to wait for as long as the writer needs, within bounds', () => {
  assert.equal(retryAfterSeconds(10_000, 5_000), 2);
  assert.equal(retryAfterSeconds(1, 5_000), 1);
  assert.equal(retryAfterSeconds(1e9, 5_000), 60);
  assert.equal(retryAfterSeconds(10_000, 0), 60);
});
