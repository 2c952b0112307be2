import assert from 'node:assert/strict';
import { test } from 'node:test';
import { targetCells, type Row } from './results.js';

const row = (ours: number, ratio: number | undefined, target: Row['target']): Row => ({
  figure: 'p99 ms',
  ours,
  ...(ratio === undefined ? {} : { ratio }),
  spread: [0, 0],
  rounds: 1,
  target,
});

test('a target of a bound and a ratio is met when both are', () => {
  const target = { oursAtMost: 100, fasterAtLeast: 10 };
  assert.deepEqual(targetCells(row(99, 11, target)), ['≤ 100 and ≥ 10 ×', 'met']);
  assert.equal(targetCells(row(101, 11, target))[1], 'missed');
  assert.equal(targetCells(row(99, 9, target))[1], 'missed');
  assert.equal(targetCells(row(99, undefined, target))[1], 'missed');
});

test('a bound on our figure holds beside a ratio that has none', () => {
  assert.deepEqual(targetCells(row(9, 50, { oursAtMost: 10 })), ['≤ 10', 'met']);
  assert.equal(targetCells(row(11, 0.1, { oursAtMost: 10 }))[1], 'missed');
  assert.equal(targetCells(row(9, NaN, { oursAtMost: 10, fasterAtLeast: 1 }))[1], 'missed');
});

test('any other bound is one on the ratio where there is one', () => {
  assert.deepEqual(targetCells(row(100, 3, { atMost: 3 })), ['≤ 3 ×', 'met']);
  assert.deepEqual(targetCells(row(4, undefined, { atLeast: 5 })), ['≥ 5', 'missed']);
  assert.deepEqual(targetCells(row(4, undefined, undefined)), ['–', '–']);
});
