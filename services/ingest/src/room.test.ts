import assert from 'node:assert/strict';
import { test } from 'node:test';
import { depthOf, retryAfterSeconds } from './room.js';

test('depth sums what each producer has in the queue, and no producer counts below zero', () => {
  assert.equal(depthOf({ a: '10', b: '5' }, { a: '4' }), 11);
  // b was killed before it could publish its last figures: the writer has settled more than it is known to have accepted
  assert.equal(depthOf({ a: '10', b: '5' }, { a: '10', b: '8' }), 0);
  assert.equal(depthOf({}, { gone: '3' }), 0);
});

test('a sender is told to wait for as long as the writer needs, within bounds', () => {
  assert.equal(retryAfterSeconds(10_000, 5_000), 2);
  assert.equal(retryAfterSeconds(1, 5_000), 1);
  assert.equal(retryAfterSeconds(1e9, 5_000), 60);
  assert.equal(retryAfterSeconds(10_000, 0), 60);
});
