import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { LAG_SAMPLE_MS } from './event-loop.js';
import { createRegistry } from './metrics.js';

const nameOf = (figure: string) => `nodejs_eventloop_lag_${figure}_seconds`;

async function lags(registry: ReturnType<typeof createRegistry>): Promise<Record<string, number>> {
  const families = await registry.getMetricsAsJSON();
  return Object.fromEntries(
    families
      .filter(({ name }) => /^nodejs_eventloop_lag_\w+_seconds$/.test(name))
      .map(({ name, values }) => [name, values[0]?.value ?? Number.NaN]),
  );
}

test('an event loop that waits has no lag, and one that was blocked has what it was blocked for', async () => {
  const registry = createRegistry();
  let looks = 0;
  // a machine that is busy with something else may delay every sample of one look, but not of all of them
  for (;;) {
    await delay(10 * LAG_SAMPLE_MS);
    const idle = await lags(registry);
    assert.equal(Object.keys(idle).length, 7);
    if ((idle[nameOf('p50')] ?? 1) < LAG_SAMPLE_MS / 1_000 / 2) break;
    assert.ok((looks += 1) < 10, JSON.stringify(idle));
  }

  // a reading starts the monitor anew, and it measures from its first sample on
  await delay(3 * LAG_SAMPLE_MS);
  const blockedMs = 5 * LAG_SAMPLE_MS;
  const until = performance.now() + blockedMs;
  while (performance.now() < until);
  await delay(3 * LAG_SAMPLE_MS);
  const max = (await lags(registry))[nameOf('max')] ?? 0;
  assert.ok(max >= (blockedMs - LAG_SAMPLE_MS) / 1_000, `${max}`);
});

test('where nothing has been sampled there is no lag of centuries', async () => {
  const registry = createRegistry();
  const read = await lags(registry);
  for (const [name, value] of Object.entries(read)) assert.ok(!(value > 1e6), `${name}: ${value}`);
});
