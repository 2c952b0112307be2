import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createLogger } from '@lyftr/shared/log';
import { createGroup } from './group.js';
import type { Batch, Outcomes } from './batch.js';

const none: Outcomes = { created: 0, duplicate: 0, dead_letter: 0, conflicting_duplicate: 0 };
const batch: Batch = {
  v: 1,
  producer: 'p',
  seq: 1,
  at: 0,
  messages: [
    ['1', 'a', 'b', 1, ''],
    ['2', 'a', 'b', 1, ''],
  ],
};

test('a commit that fails is tried again until it holds, and nobody is told before', async () => {
  const attempts: number[] = [];
  const failures: number[] = [];
  const committed: number[] = [];
  const group = createGroup({
    commit(batches) {
      attempts.push(batches.length);
      if (attempts.length < 3) throw new Error('disk full');
      return none;
    },
    committed: (batches) => committed.push(batches.length),
    failed: (messages) => failures.push(messages),
    fenced: assert.fail,
    log: createLogger('test', 'silent'),
  });
  let stored = false;
  const storing = group.store([batch, { corrupt: 'x', reason: 'y' }]).then(() => (stored = true));
  await delay(50);
  assert.equal(stored, false);
  assert.match(group.state(), /disk full/);
  await storing;
  assert.deepEqual(attempts, [2, 2, 2]);
  assert.deepEqual(failures, [3, 3]);
  assert.deepEqual(committed, [2]);
  assert.equal(group.state(), 'ok');
});
