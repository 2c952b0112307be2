import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gauge, Registry } from 'prom-client';
import { parseSamples } from './prometheus.js';

test('reads back what prom-client writes, whatever the labels and values', async () => {
  const registry = new Registry();
  const gauge = new Gauge({
    name: 'g',
    help: 'a\\b\nc "d" {e="f"} 1',
    labelNames: ['a', 'b'],
    registers: [registry],
  });
  const values: [string, string, number][] = [
    ['plain', 'x', 1],
    ['a "quote", a } and a {', 'b="c"', -0.5],
    ['line\nbreak and \\n', '\\', 1e300],
    ['', 'é', Infinity],
    ['minus', '', -Infinity],
  ];
  for (const [a, b, value] of values) gauge.set({ a, b }, value);
  new Gauge({ name: 'bare_total', help: 'x', registers: [registry] }).set(1e-7);
  assert.deepEqual(parseSamples(await registry.metrics()), [
    ...values.map(([a, b, value]) => ({ name: 'g', labels: { a, b }, value })),
    { name: 'bare_total', labels: {}, value: 1e-7 },
  ]);
});

test('passes over what is no sample', () => {
  assert.deepEqual(parseSamples('# HELP a b\n\nnonsense\n<html> 1 2\n'), []);
  assert.ok(Number.isNaN(parseSamples('a NaN')[0]?.value));
});
