import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createLogger } from '@lyftr/shared/log';
import { createGroup } from './group.js';
import type { Batch, Outcomes } from './store.js';

const log = createLogger('test', 'silent');
const none: Outcomes = { created: 0, duplicate: 0, dead_letter: 0 };
let seq = 0;
const batch = (messages = 1): Batch => ({
  v: 1,
  producer: 'p',
  seq: ++seq,
  at: 0,
  messages: Array.from({ length: messages }, (_, i) => [`${seq}-${i}`, 'a', 'b', 1, '']),
});

test('batches that arrive together share one commit', async () => {
  const commits: number[] = [];
  const group = createGroup({
    commit: (batches) => {
      commits.push(batches.length);
      return none;
    },
    committed() {},
    failed() {},
    log,
  });
  await Promise.all([group.store(batch()), group.store(batch()), group.store(batch())]);
  assert.deepEqual(commits, [3]);
  assert.equal(group.busy(), false);
});

test('a full group is committed without waiting', () => {
  let committed = 0;
  const group = createGroup({
    commit: (batches) => {
      committed += batches.length;
      return none;
    },
    committed() {},
    failed() {},
    log,
  });
  void group.store(batch(10_000));
  assert.equal(committed, 1);
});

test('a commit that fails is tried again until it holds, and nobody is told before', async () => {
  let attempts = 0;
  const failures: number[] = [];
  const group = createGroup({
    commit: () => {
      attempts++;
      if (attempts < 3) throw new Error('disk full');
      return none;
    },
    committed() {},
    failed: (messages) => failures.push(messages),
    log,
  });
  let stored = false;
  const storing = group.store(batch(2)).then(() => (stored = true));
  await delay(50);
  assert.equal(stored, false);
  assert.match(group.state(), /disk full/);
  const later = group.store(batch());
  await Promise.all([storing, later]);
  assert.deepEqual(failures, [2, 2]);
  assert.equal(attempts, 4);
  assert.equal(group.state(), 'ok');
});
