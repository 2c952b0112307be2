/** The environment for tests of the metrics page: Redis, database and a listening service, new for each test. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach } from 'node:test';
import type { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { databaseFile } from '@lyftr/store/sqlite/format';
import { SNAPSHOTS_KEY, type PublishedMetric, type ProcessSnapshot } from '@lyftr/shared/metrics';
import { counter } from '@lyftr/shared/runtime/metrics';
import { failFastRedis } from '@lyftr/shared/runtime/redis';
import { createLookout } from './look.js';
import { createMetrics } from './metrics.js';
import { openSqliteReadStore } from '@lyftr/store/sqlite/read/read-store';
import {
  createDatabase,
  temporaryDirectory,
  type TestDirectory,
  type TestWriter,
} from '@lyftr/store/sqlite/testing';
import { connected, startRedis, startService, type TestRedis, type TestService } from '../testing.js';

/** Instance id of the service under test. */
export const OWN = 'host-1-own';

/** Hooks of the test file set it up. */
export class MetricsScene {
  server!: TestRedis;
  redis!: Redis;
  writer!: TestWriter;
  service!: TestService;
  directory!: TestDirectory;

  constructor() {
    const socket = temporaryDirectory();
    before(async () => {
      this.server = await startRedis(socket.path);
    });
    after(async () => {
      await this.server.stop();
      socket.remove();
    });
    beforeEach(async () => {
      this.directory = temporaryDirectory();
      this.writer = createDatabase(this.directory.path);
      this.redis = await connected(failFastRedis(this.server.url, 400));
      this.redis.on('error', () => {});
      await this.redis.flushall();
    });
    afterEach(async () => {
      await this.service.close();
      this.redis.disconnect();
      this.writer.close();
      this.directory.remove();
    });
  }

  async start(registry: Registry): Promise<void> {
    const { redis, directory } = this;
    const store = openSqliteReadStore(databaseFile(directory.path), 30_000);
    const lookout = createLookout(redis, store, () => {});
    const metrics = createMetrics({ lookout, registry, instance: OWN });
    this.service = await startService(directory.path, { store, metrics, registry });
  }

  async scrape(): Promise<string> {
    const response = await fetch(`${this.service.url}/metrics`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    return response.text();
  }

  /** Publishes the figures of `registry` as another process would. */
  async publish(instance: string, registry: Registry, rest: Partial<ProcessSnapshot> = {}): Promise<void> {
    const metrics = (await registry.getMetricsAsJSON()) as PublishedMetric[];
    const about = { service: 'ingest', instance, pid: 1, startedAt: 0, at: Date.now(), stopped: false };
    await this.redis.hset(SNAPSHOTS_KEY, instance, JSON.stringify({ ...about, metrics, ...rest }));
  }
}

/** The value of each series of `name`, by the text of its labels. */
export function series(page: string, name: string): Record<string, number> {
  const lines = page.split('\n').filter((line) => new RegExp(`^${name}[{ ]`).test(line));
  return Object.fromEntries(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(name.length, end), Number(line.slice(end))];
    }),
  );
}

/** Figures of an ingest process that refused `count` deliveries. */
export function refusing(count: number): Registry {
  const registry = new Registry();
  counter(registry, 'webhook_total').inc({ status: 'invalid_signature' }, count);
  counter(registry, 'webhook_accepted_total').inc(1_000);
  return registry;
}
