import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { subtract, type Range } from './missing.js';

/** Numbers as ordered ranges. */
function rangesOf(numbers: readonly number[]): Range[] {
  const ranges: Range[] = [];
  for (const number of [...new Set(numbers)].toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] + 1 === number) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}
const numbersIn = (ranges: readonly Range[]): number[] =>
  ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));

test('ranges are subtracted like sets', () => {
  const numbers = fc.array(fc.integer({ min: 1, max: 40 }));
  fc.assert(
    fc.property(numbers, numbers, (some, covered) => {
      const rest = numbersIn(subtract(rangesOf(some), rangesOf(covered)));
      const expected = numbersIn(rangesOf(some)).filter((number) => !covered.includes(number));
      assert.deepEqual(rest, expected);
    }),
  );
});
