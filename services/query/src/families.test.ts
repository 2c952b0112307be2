import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PublishedMetric } from '@lyftr/shared/metrics';
import { renderFamilies, sumFamilies, totalsOf } from './families.js';

const counterOf = (value: number) =>
  [
    { name: 'c_total', help: 'c', type: 'counter', aggregator: 'sum', values: [{ value, labels: {} }] },
  ] as unknown as PublishedMetric[];

test('a sum is the same to the last bit, whatever the order, and also when a part of it was summed before', async () => {
  const seconds = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 2, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(seconds, fc.nat(), async (values, cut) => {
      const parts = values.map((value) => totalsOf(counterOf(value)));
      const at = 1 + (cut % (parts.length - 1));
      const folded = totalsOf(await sumFamilies(parts.slice(at)));
      const page = await renderFamilies(parts);
      assert.equal(await renderFamilies([folded, ...parts.slice(0, at)]), page);
      assert.equal(await renderFamilies(parts.toReversed()), page);
    }),
  );
});
