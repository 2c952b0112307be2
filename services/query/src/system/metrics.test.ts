import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { Queue } from 'bullmq';
import { Registry } from 'prom-client';
import { jobName } from '@lyftr/queue/envelope';
import { QUEUE_NAME, QUEUE_PREFIX } from '@lyftr/queue/options';
import { CONFIRMED_KEY, ENDED_KEY, SETTLED_KEY } from '@lyftr/shared/ledger';
import { counter, createRegistry } from '@lyftr/shared/runtime/metrics';
import { startPublisher } from '@lyftr/shared/runtime/publisher';
import { redisAddress } from '@lyftr/shared/runtime/redis';
import { RETIRED_FIELD } from './published.js';
import { MetricsScene, OWN, refusing, series } from './testing-metrics.js';

const scene = new MetricsScene();

test('counters are summed over the living and the gone; what the writer keeps comes from SQLite', async () => {
  await scene.start(new Registry());
  const at = Date.now() - 700_000;
  await scene.publish('a', refusing(1));
  await scene.publish('b', refusing(2), { at, stopped: true });
  await scene.publish(RETIRED_FIELD, refusing(4), { at });
  const writing = new Registry();
  counter(writing, 'db_write_total').inc({ result: 'error' }, 8);
  await scene.publish('w', writing, { service: 'writer' });
  await scene.redis.hset(CONFIRMED_KEY, { a: '{"messages":7,"ranges":[[1,7]]}' });
  scene.writer.settle('a', 'created', 5);
  scene.writer.settle('a', 'duplicate', 2);
  const page = await scene.scrape();
  assert.deepEqual(series(page, 'webhook_total'), {
    '{status="created"}': 5,
    '{status="duplicate"}': 2,
    '{status="dead_letter"}': 0,
    '{status="invalid_signature"}': 7,
    '{status="invalid_payload"}': 0,
    '{status="too_large"}': 0,
    '{status="rate_limited"}': 0,
    '{status="unavailable"}': 0,
  });
  assert.deepEqual(series(page, 'db_write_total'), {
    '{result="success"}': 5,
    '{result="duplicate"}': 2,
    '{result="error"}': 8,
  });
  assert.deepEqual(series(page, 'webhook_accepted_total'), { '': 7 });
});

test('the ledger balances on the page, message by message', async () => {
  await scene.start(new Registry());
  await scene.redis.hset(CONFIRMED_KEY, {
    ahead: '{"messages":10,"ranges":[[1,10]]}',
    behind: '{"messages":3,"ranges":[[1,3]]}',
  });
  await scene.redis.hset(SETTLED_KEY, 'unpublished', '[[1,2]]');
  await scene.redis.hset(ENDED_KEY, { accepted: 7, unconfirmed: 1 });
  scene.writer.settle('ahead', 'created', 6);
  scene.writer.settle('behind', 'created', 4);
  scene.writer.settle('behind', 'dead_letter', 1);
  scene.writer.settle('unpublished', 'duplicate', 2);
  scene.writer.settle('ended', 'created', 8);
  const { redis } = scene;
  await redis.hset(`${QUEUE_PREFIX}:${QUEUE_NAME}:1`, 'name', jobName('ahead', [7, 10]));
  await redis.lpush(`${QUEUE_PREFIX}:${QUEUE_NAME}:wait`, '1');
  const balanced = await scene.scrape();
  assert.deepEqual(series(balanced, 'webhook_accepted_total'), { '': 20 });
  assert.deepEqual(series(balanced, 'ledger_unconfirmed_messages'), { '': 5 });
  assert.deepEqual(series(balanced, 'queue_depth_messages'), { '': 4 });
  assert.deepEqual(series(balanced, 'ledger_missing_messages'), { '': 0 });

  // the job is lost: nothing on the page makes up for it
  await redis.del(`${QUEUE_PREFIX}:${QUEUE_NAME}:wait`);
  const page = await scene.scrape();
  assert.deepEqual(series(page, 'webhook_accepted_total'), { '': 20 });
  assert.deepEqual(series(page, 'queue_depth_messages'), { '': 0 });
  assert.deepEqual(series(page, 'ledger_missing_messages'), { '': 4 });
});

test('a process is up while it publishes, then down, then forgotten; gauges are of those that are up', async () => {
  const defaults = createRegistry();
  await scene.start(defaults);
  await scene.publish('living', defaults);
  await scene.publish('stopped', defaults, { stopped: true });
  await scene.publish('stale', defaults, { at: Date.now() - 6_000 });
  await scene.publish('forgotten', defaults, { at: Date.now() - 601_000 });
  await scene.publish(OWN, defaults, { service: 'query', at: Date.now() - 6_000 });
  const page = await scene.scrape();
  assert.deepEqual(series(page, 'lyftr_process_up'), {
    [`{service="query",instance="${OWN}"}`]: 1,
    '{service="ingest",instance="living"}': 1,
    '{service="ingest",instance="stopped"}': 0,
    '{service="ingest",instance="stale"}': 0,
  });
  assert.deepEqual(Object.keys(series(page, 'process_start_time_seconds')).toSorted(), [
    '{service="ingest",instance="living"}',
    `{service="query",instance="${OWN}"}`,
  ]);
});

test('own counters are counted once, and not before they are published: a kill would take the rest away', async () => {
  const registry = refusing(2);
  await scene.start(registry);
  await scene.publish(OWN, refusing(1), { service: 'query' });
  assert.equal(series(await scene.scrape(), 'webhook_total')['{status="invalid_signature"}'], 1);
  await scene.publish(OWN, registry, { service: 'query' });
  assert.equal(series(await scene.scrape(), 'webhook_total')['{status="invalid_signature"}'], 2);
});

test('a counter does not go backwards when a process ends in order', async () => {
  await scene.start(new Registry());
  const registry = refusing(3);
  const publisher = startPublisher({ redis: scene.redis, registry, service: 'ingest', instance: 'x' });
  await publisher.stop();
  const page = await scene.scrape();
  assert.equal(series(page, 'webhook_total')['{status="invalid_signature"}'], 3);
  assert.deepEqual(series(page, 'lyftr_process_up')['{service="ingest",instance="x"}'], 0);
});

test('depth and age of the queue are those of the jobs that BullMQ holds', async () => {
  await scene.start(new Registry());
  const empty = await scene.scrape();
  assert.deepEqual(series(empty, 'queue_oldest_message_age_seconds'), { '': 0 });
  const queue = new Queue(QUEUE_NAME, {
    prefix: QUEUE_PREFIX,
    connection: { path: redisAddress(scene.server.url) },
  });
  await queue.add('batch', {}, { timestamp: Date.now() - 60_000 });
  await queue.add('batch', {}, { timestamp: Date.now() - 30_000 });
  await queue.add('batch', {}, { delay: 100_000 });
  const page = await scene.scrape();
  await queue.close();
  assert.deepEqual(series(page, 'queue_depth_jobs'), {
    '{state="waiting"}': 2,
    '{state="active"}': 0,
    '{state="delayed"}': 1,
    '{state="failed"}': 0,
    '{state="completed"}': 0,
  });
  const age = series(page, 'queue_oldest_message_age_seconds')[''] ?? 0;
  assert.ok(age >= 60 && age < 70, `${age}`);
});

test('index_lag_messages counts what the text index does not hold', async () => {
  await scene.start(new Registry());
  const message = (n: number) => ({ message_id: `${n}`, from: 'a', to: 'b', ts: n, text: '' });
  scene.writer.insert([1, 2, 3, 4, 5].map(message));
  scene.writer.indexUpTo(2);
  assert.deepEqual(series(await scene.scrape(), 'index_lag_messages'), { '': 3 });
});

test('own requests are timed by route pattern', async () => {
  const registry = new Registry();
  await scene.start(registry);
  await fetch(`${scene.service.url}/messages/secret-id`);
  await fetch(`${scene.service.url}/stats?top=0`);
  await fetch(`${scene.service.url}/../../made-up`);
  await scene.publish(OWN, registry, { service: 'query' });
  const counts = series(await scene.scrape(), 'http_request_duration_seconds_count');
  assert.deepEqual(counts, {
    '{service="query",route="/messages/{message_id}",method="GET",code="404"}': 1,
    '{service="query",route="/stats",method="GET",code="422"}': 1,
    '{service="query",route="other",method="GET",code="404"}': 1,
  });
});

const promtool = spawnSync('promtool', ['--version']);
test(
  'promtool finds nothing to say about the page',
  { skip: promtool.error === undefined ? false : 'there is no promtool on this machine' },
  async () => {
    const defaults = createRegistry();
    await scene.start(defaults);
    await scene.publish('a', defaults);
    await scene.publish('b', refusing(1));
    await fetch(`${scene.service.url}/stats`);
    const page = await scene.scrape();
    assert.ok(page.endsWith('\n'));
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: page,
      encoding: 'utf8',
    });
    assert.equal(`${stdout}${stderr}`, '');
    assert.equal(status, 0);
    const helped = new Set(Array.from(page.matchAll(/^# HELP (\S+) \S/gm), ([, name]) => name));
    for (const [, name] of page.matchAll(/^# TYPE (\S+) /gm)) assert.ok(helped.has(name), name);
  },
);
