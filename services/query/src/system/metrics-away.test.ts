import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { CONFIRMED_KEY } from '@lyftr/shared/ledger';
import { createRegistry } from '@lyftr/shared/runtime/metrics';
import { MetricsScene, refusing, series } from './testing-metrics.js';

const scene = new MetricsScene();

test('with Redis frozen a page comes within a second, and no counter is smaller than before', async () => {
  await scene.start(new Registry());
  await scene.publish('a', refusing(5));
  await scene.redis.hset(CONFIRMED_KEY, { a: '{"messages":9,"ranges":[[1,9]]}' });
  scene.writer.settle('a', 'created', 4);
  assert.deepEqual(series(await scene.scrape(), 'lyftr_redis_up'), { '': 1 });
  process.kill(scene.server.pid, 'SIGSTOP');
  try {
    const startedMs = performance.now();
    const page = await scene.scrape();
    assert.ok(performance.now() - startedMs < 1_000);
    assert.deepEqual(series(page, 'lyftr_redis_up'), { '': 0 });
    assert.equal(series(page, 'webhook_total')['{status="created"}'], 4);
    assert.equal(series(page, 'webhook_total')['{status="invalid_signature"}'], 5);
    // left out rather than guessed
    assert.deepEqual(series(page, 'webhook_accepted_total'), {});
    assert.deepEqual(series(page, 'queue_depth_messages'), {});
    assert.deepEqual(series(page, 'queue_depth_jobs'), {});
  } finally {
    process.kill(scene.server.pid, 'SIGCONT');
  }
});

test('with neither Redis nor database there is a page of this process', async () => {
  scene.redis.disconnect();
  scene.writer.close();
  scene.directory.remove();
  await scene.start(createRegistry());
  const page = await scene.scrape();
  assert.deepEqual(series(page, 'lyftr_redis_up'), { '': 0 });
  assert.deepEqual(Object.values(series(page, 'lyftr_process_up')), [1]);
  assert.deepEqual(series(page, 'webhook_total'), {});
});
