import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { requestIdAt, type Batch, type MessageTuple } from '@lyftr/shared/batch';
import { createLogger } from '@lyftr/shared/runtime/log';
import type { Outcomes } from '@lyftr/shared/outcomes';
import { UnavailableError, type Committed } from '@lyftr/store/store';
import { createGroup } from './group.js';

const NONE: Outcomes = { created: 0, duplicate: 0, dead_letter: 0, conflicting_duplicate: 0, fanout: 0 };
const done = (batches: readonly Batch[]): Promise<Committed> =>
  Promise.resolve({
    outcomes: NONE,
    aside: [],
    settled: batches.flatMap(({ numbers }) => numbers ?? []),
  });
const batch: Batch = {
  numbers: { producer: 'p', range: [1, 2] },
  at: 0,
  items: [
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
      if (attempts.length < 3) return Promise.reject(new UnavailableError(new Error('disk full')));
      return done(batches);
    },
    committed: (batches) => committed.push(batches.length),
    failed: (messages) => failures.push(messages),
    fenced: assert.fail,
    log: createLogger('test', 'silent'),
  });
  let stored = false;
  const storing = group
    .store([batch, { numbers: { producer: 'p', range: [3, 3] }, corrupt: 'x', reason: 'y' }])
    .then(() => (stored = true));
  await delay(50);
  assert.equal(stored, false);
  assert.match(group.state(), /disk full/);
  await storing;
  assert.deepEqual(attempts, [2, 2, 2]);
  assert.deepEqual(failures, [3, 3]);
  assert.deepEqual(committed, [2]);
  assert.equal(group.state(), 'ok');
});

test('a batch that is too large for a transaction is stored in several, in order, with its numbers', async () => {
  const committed: { range: unknown; messages: number; first: string | undefined }[] = [];
  const group = createGroup({
    commit(batches) {
      for (const each of batches)
        if (!('corrupt' in each))
          committed.push({
            range: each.numbers?.range,
            messages: each.items.length,
            first: requestIdAt(each, 0),
          });
      return done(batches);
    },
    committed() {},
    failed: (messages) => assert.fail(`${messages} failed`),
    fenced: assert.fail,
    log: createLogger('test', 'silent'),
  });
  const messages = Array.from({ length: 9_000 }, (_, i): MessageTuple => [`${i}`, 'a', 'b', 1, '']);
  const large: Batch = {
    numbers: { producer: 'p', range: [11, 9_010] },
    at: 0,
    items: messages,
    trace: [['here', 3_999, 2]],
  };
  const settled = await group.store([batch, large, batch]);
  assert.deepEqual(
    settled.map(({ range }) => range),
    committed.map(({ range }) => range),
  );
  assert.deepEqual(committed, [
    { range: [1, 2], messages: 2, first: undefined },
    { range: [11, 4_010], messages: 4_000, first: undefined },
    { range: [4_011, 8_010], messages: 4_000, first: 'here' },
    { range: [8_011, 9_010], messages: 1_000, first: undefined },
    { range: [1, 2], messages: 2, first: undefined },
  ]);
});
