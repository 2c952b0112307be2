import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { size, subtract, union, type Range } from './ranges.js';

const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 60 }));
const rangesOf = (all: readonly number[]): Range[] => union(all.map((each): Range => [each, each]));
const numbersOf = (ranges: readonly Range[]): number[] =>
  ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
const sorted = (all: Iterable<number>): number[] => [...all].toSorted((a, b) => a - b);

test('a union has the numbers of all lists, in ranges that do not touch', () => {
  fc.assert(
    fc.property(numbers, numbers, (a, b) => {
      const ranges = union(rangesOf(a), rangesOf(b));
      assert.deepEqual(numbersOf(ranges), sorted(new Set([...a, ...b])));
      ranges.slice(1).forEach(([first], i) => assert.ok(first > (ranges[i] as Range)[1] + 1));
      assert.equal(size(ranges), new Set([...a, ...b]).size);
    }),
  );
});

test('a difference has the numbers that the other lacks', () => {
  fc.assert(
    fc.property(numbers, numbers, (a, b) => {
      const covered = new Set(b);
      assert.deepEqual(
        numbersOf(subtract(rangesOf(a), rangesOf(b))),
        sorted(a.filter((each) => !covered.has(each))),
      );
    }),
  );
});
