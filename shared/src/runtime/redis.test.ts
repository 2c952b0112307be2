import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryUsedRatio } from './redis.js';

test('the share of memory is zero without a limit', () => {
  assert.equal(memoryUsedRatio('used_memory:100\r\nmaxmemory:0\r\n'), 0);
  assert.equal(memoryUsedRatio('used_memory:100\r\nmaxmemory:400\r\nmaxmemory_policy:noeviction\r\n'), 0.25);
});
