import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PublishedMetric, Service } from '@lyftr/shared/metrics';
import { summed } from '@lyftr/shared/runtime/metrics-page';
import { sumFamilies, totalsOf, type Family } from './families.js';

const pageOf = (families: Family[][]): Promise<string> => summed(families).metrics();

const counterOf = (value: number, name = 'c_total', service: Service = 'ingest') => ({
  service,
  metrics: [
    { name, help: 'c', type: 'counter', aggregator: 'sum', values: [{ value, labels: {} }] },
  ] as unknown as PublishedMetric[],
});

test('a sum is the same to the last bit, whatever the order, and also when a part of it was summed before', async () => {
  const seconds = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 2, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(seconds, fc.nat(), async (values, cut) => {
      const parts = values.map((value) => totalsOf(counterOf(value)));
      const at = 1 + (cut % (parts.length - 1));
      const folded = totalsOf({ service: 'query', metrics: await sumFamilies(parts.slice(at)) });
      const page = await pageOf(parts);
      assert.equal(await pageOf([folded, ...parts.slice(0, at)]), page);
      assert.equal(await pageOf(parts.toReversed()), page);
    }),
  );
});

test('CPU is told apart by service, also after a sum of processes that are gone', async () => {
  const cpu = 'process_cpu_seconds_total';
  const parts = [counterOf(1, cpu, 'writer'), counterOf(2, cpu, 'ingest'), counterOf(4, cpu, 'ingest')];
  const folded = totalsOf({ service: 'query', metrics: await sumFamilies(parts.map(totalsOf)) });
  const page = await pageOf([folded, totalsOf(counterOf(8, cpu, 'writer'))]);
  assert.match(page, /^process_cpu_seconds_total\{service="writer"\} 9$/m);
  assert.match(page, /^process_cpu_seconds_total\{service="ingest"\} 6$/m);
  assert.doesNotMatch(page, /service="query"/);
});
