import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { counter, histogram } from '@lyftr/shared/runtime/metrics';
import { SNAPSHOTS_KEY, type PublishedMetric, type ProcessSnapshot } from '@lyftr/shared/metrics';
import { startPublisher } from '@lyftr/shared/runtime/publisher';
import { summed } from '@lyftr/shared/runtime/metrics-page';
import { failFastRedis } from '@lyftr/shared/runtime/redis';
import { totalsOf } from './families.js';
import { createReaper } from './retired.js';
import { RETIRED_FIELD } from './published.js';
import { temporaryDirectory, type TestDirectory } from '@lyftr/store/sqlite/testing';
import { connected, startRedis, type TestRedis } from '../testing.js';

const HOUR_MS = 3_600_000;
const NOW = 1_800_000_000_000;

let directory: TestDirectory;
let server: TestRedis;
let redis: Redis;

before(async () => {
  directory = temporaryDirectory();
  server = await startRedis(directory.path);
  redis = await connected(failFastRedis(server.url, 1_000));
});

afterEach(() => redis.flushall());

after(async () => {
  redis.disconnect();
  await server.stop();
  directory.remove();
});

async function publish(instance: string, at: number, value: number): Promise<void> {
  const of = (type: string, name: string) => ({
    name,
    type,
    help: name,
    aggregator: 'sum',
    values: [{ value, labels: {} }],
  });
  const metrics = [of('counter', 'c_total'), of('gauge', 'g')];
  await redis.hset(
    SNAPSHOTS_KEY,
    instance,
    JSON.stringify({ service: 'ingest', instance, at, stopped: false, metrics }),
  );
}

async function kept(): Promise<Record<string, number>> {
  const all = Object.entries(await redis.hgetall(SNAPSHOTS_KEY));
  return Object.fromEntries(
    all.map(([instance, json]) => [
      instance,
      (JSON.parse(json) as ProcessSnapshot).metrics[0]?.values[0]?.value ?? -1,
    ]),
  );
}

test('what ended more than an hour ago becomes one sum of counters, and is added to it later', async () => {
  const reaper = createReaper(redis);
  await publish('old1', NOW - HOUR_MS - 1, 1);
  await publish('old2', NOW - 2 * HOUR_MS, 2);
  await publish('recent', NOW - HOUR_MS, 4);
  assert.equal(await reaper.run(NOW), 0);
  assert.equal(await reaper.run(NOW), 2);
  assert.deepEqual(await kept(), { recent: 4, [RETIRED_FIELD]: 3 });
  const retired = JSON.parse((await redis.hget(SNAPSHOTS_KEY, RETIRED_FIELD)) ?? '') as ProcessSnapshot;
  assert.deepEqual(
    retired.metrics.map(({ name }) => name),
    ['c_total'],
  );
  assert.equal(await reaper.run(NOW + 1), 1);
  assert.deepEqual(await kept(), { [RETIRED_FIELD]: 7 });
  assert.equal(await reaper.run(NOW + HOUR_MS), 0);
});

test('a process that publishes again between two runs lives: its snapshot was old because Redis was away', async () => {
  const reaper = createReaper(redis);
  await publish('a', NOW - 2 * HOUR_MS, 1);
  await reaper.run(NOW);
  await publish('a', NOW, 2);
  assert.equal(await reaper.run(NOW + 60_000), 0);
  assert.deepEqual(await kept(), { a: 2 });
});

test('a run that could not ask Redis does not count as one that saw the same', async () => {
  const reaper = createReaper(redis);
  await publish('a', NOW - 2 * HOUR_MS, 1);
  await reaper.run(NOW);
  await redis.set('other', 'value');
  await redis.rename(SNAPSHOTS_KEY, 'aside');
  await redis.rename('other', SNAPSHOTS_KEY); // HGETALL of a string is an error
  await assert.rejects(reaper.run(NOW));
  await redis.rename('aside', SNAPSHOTS_KEY);
  assert.equal(await reaper.run(NOW), 0);
  assert.equal(await reaper.run(NOW), 1);
});

/** Runs `meanwhile` between what a run of the reaper reads and what it writes. */
function interrupted(meanwhile: () => Promise<unknown>): Redis {
  return new Proxy(redis, {
    get(target, name) {
      if (name === 'hgetall') return (key: string) => target.hgetall(key);
      if (name !== 'eval') throw new Error(`not expected: ${String(name)}`);
      return async (...command: Parameters<Redis['eval']>) => {
        await meanwhile();
        return target.eval(...command);
      };
    },
  });
}

test('two query processes at the same work count nothing twice', async () => {
  await publish('a', NOW - 2 * HOUR_MS, 1);
  const other = createReaper(redis);
  await other.run(NOW);
  const reaper = createReaper(interrupted(async () => assert.equal(await other.run(NOW), 1)));
  await reaper.run(NOW);
  assert.equal(await reaper.run(NOW), 0);
  assert.deepEqual(await kept(), { [RETIRED_FIELD]: 1 });
});

test('a process that publishes while it is being folded is kept, and not counted twice', async () => {
  await publish('a', NOW - 2 * HOUR_MS, 1);
  await publish('b', NOW - 2 * HOUR_MS, 2);
  const reaper = createReaper(interrupted(() => publish('a', NOW, 4)));
  await reaper.run(NOW);
  assert.equal(await reaper.run(NOW), 0);
  assert.deepEqual(await kept(), { a: 4, b: 2 });
});

test('a sum that grew while another was being made is not overwritten', async () => {
  await publish('a', NOW - 2 * HOUR_MS, 1);
  const reaper = createReaper(interrupted(() => publish(RETIRED_FIELD, NOW, 8)));
  await reaper.run(NOW);
  assert.equal(await reaper.run(NOW), 0);
  assert.deepEqual(await kept(), { a: 1, [RETIRED_FIELD]: 8 });
});

test('a snapshot that this version cannot read stays', async () => {
  const reaper = createReaper(redis);
  await redis.hset(SNAPSHOTS_KEY, 'x', 'not json');
  await reaper.run(NOW);
  assert.equal(await reaper.run(NOW), 0);
  assert.equal(await redis.hget(SNAPSHOTS_KEY, 'x'), 'not json');
});

test('a process that was retired because it was frozen or cut off, is counted once when it comes back', async () => {
  const registry = new Registry();
  const refused = counter(registry, 'webhook_total');
  const seconds = histogram(registry, 'ingest_ack_seconds');
  const publisher = startPublisher({ redis, registry, service: 'ingest', instance: 'frozen' });
  const published = async (): Promise<ProcessSnapshot[]> =>
    Object.values(await redis.hgetall(SNAPSHOTS_KEY)).map((json) => JSON.parse(json) as ProcessSnapshot);
  const reaper = createReaper(redis);
  // an hour later, to the reaper; the process itself is idle meanwhile, as one that is frozen
  const takeForGone = async (): Promise<void> => {
    for (;;) {
      await reaper.run(Date.now() + 2 * HOUR_MS);
      if ((await reaper.run(Date.now() + 2 * HOUR_MS)) === 1) return;
    }
  };
  for (const status of ['invalid_signature', 'too_large', 'unavailable']) {
    refused.inc({ status }, 3);
    seconds.observe(1 / 32);
    await takeForGone();
    refused.inc({ status: 'invalid_signature' });
    seconds.observe(4);
  }
  await publisher.stop();
  const page = await summed((await published()).map(totalsOf)).metrics();
  const metrics = (await registry.getMetricsAsJSON()) as PublishedMetric[];
  assert.equal(page, await summed([totalsOf({ service: 'ingest', metrics })]).metrics());
});
