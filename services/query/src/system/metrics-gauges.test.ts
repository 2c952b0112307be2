import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gauge, Registry } from 'prom-client';
import { gauge } from '@lyftr/shared/runtime/metrics';
import { PROCESS_GAUGES } from '@lyftr/shared/metrics';
import { MetricsScene, series } from './testing-metrics.js';

const scene = new MetricsScene();

test('whether acknowledgements wait for the disk is told by process, and by no other gauge of ours', async () => {
  await scene.start(new Registry());
  for (const [instance, value] of [
    ['careful', 1],
    ['hasty', 0],
  ] as const) {
    const registry = new Registry();
    gauge(registry, 'redis_fsync_always').set(value);
    // of another version, perhaps: what is true of the system comes from query alone
    gauge(registry, 'index_lag_messages').set(1_000);
    await scene.publish(instance, registry);
  }
  const page = await scene.scrape();
  assert.deepEqual(series(page, 'redis_fsync_always'), {
    '{service="ingest",instance="careful"}': 1,
    '{service="ingest",instance="hasty"}': 0,
  });
  assert.deepEqual(series(page, 'index_lag_messages'), { '': 0 });
});

test('every gauge that a process sets is on the page, whether it was declared or not', async () => {
  await scene.start(new Registry());
  const registry = new Registry();
  const declared = Object.keys(PROCESS_GAUGES) as (keyof typeof PROCESS_GAUGES)[];
  for (const name of declared) gauge(registry, name).set(3);
  new Gauge({ name: 'of_a_writer', help: 'h', labelNames: ['kind'], registers: [registry] }).set(
    { kind: 'k' },
    3,
  );
  await scene.publish('w', registry, { service: 'writer' });
  const page = await scene.scrape();
  for (const name of declared)
    assert.deepEqual(series(page, name), { '{service="writer",instance="w"}': 3 }, name);
  assert.deepEqual(series(page, 'of_a_writer'), { '{kind="k",service="writer",instance="w"}': 3 });
});
