/** Publishes the figures of a process in Redis. Query sums the figures of all processes. */
import type { Redis } from 'ioredis';
import type { Registry } from 'prom-client';
import { PUBLISH_INTERVAL_MS } from '../limits.js';
import {
  COUNTERS,
  HISTOGRAMS,
  PROCESS_GAUGES,
  SNAPSHOTS_KEY,
  type PublishedMetric,
  type Service,
  type ProcessSnapshot,
} from '../metrics.js';
import { since } from './since.js';

export interface PublisherOptions {
  redis: Redis;
  registry: Registry;
  service: Service;
  instance: string;
  /** The URL at which other processes reach this one, if they need to. */
  url?: string;
  /** Further fields to write in the same transaction. `published` is called when Redis has stored them. */
  more?: { fields(): [key: string, field: string, value: string][]; published(): void };
}

/** An idle process publishes on every fourth tick, to show that it lives and how much memory it uses. */
const IDLE_TICKS = 4;

/**
 * The figures that change only with events. Leaves out the default metrics: collecting them reads several files of
 * /proc, which is most of the work of an idle process.
 */
async function eventsOf(registry: Registry): Promise<string> {
  const families = [COUNTERS, PROCESS_GAUGES, HISTOGRAMS]
    .flatMap(Object.keys)
    .map((name) => registry.getSingleMetric(name))
    .filter((family) => family !== undefined);
  return JSON.stringify(await Promise.all(families.map((family) => family.get())));
}

/**
 * Writes a snapshot. Writes nothing and returns 0 when the previous snapshot is no longer there: query has then added
 * it to the sum of retired processes (`retired.ts` of query). ARGV: instance, snapshot, '1' when there is no previous
 * snapshot.
 */
const PUBLISH = `
if ARGV[3] ~= '1' and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1`;

/**
 * Publishes the figures of this process every second while they change. Counts therefore survive the process. A
 * failed publication is not reported, because the next one carries the same totals.
 */
export function startPublisher(options: PublisherOptions): { stop(): Promise<void> } {
  const { redis, registry, service, instance, url, more } = options;
  const startedAt = Date.now();
  let published = '';
  let idleTicks = 0;
  /** The figures of the last snapshot that Redis stored. */
  let last: PublishedMetric[] | undefined;
  /** The figures that query has already added to the sum of retired processes. */
  let retired: PublishedMetric[] = [];

  const publish = async (stopped: boolean): Promise<void> => {
    if (redis.status !== 'ready') return;
    const fields = more?.fields() ?? [];
    const events = `${await eventsOf(registry)} ${JSON.stringify(fields)}`;
    if (!stopped && events === published && ++idleTicks < IDLE_TICKS) return;
    // a copy, because prom-client keeps changing its objects
    const metrics = structuredClone((await registry.getMetricsAsJSON()) as PublishedMetric[]);
    const snapshot: ProcessSnapshot = {
      service,
      instance,
      pid: process.pid,
      ...(url === undefined ? {} : { url }),
      startedAt,
      at: Date.now(),
      stopped,
      metrics: since(metrics, retired),
    };
    // in one transaction: the accepted count and the accepted batches must match
    const pipeline = redis
      .multi()
      .eval(PUBLISH, 1, SNAPSHOTS_KEY, instance, JSON.stringify(snapshot), last === undefined ? '1' : '0');
    for (const [key, field, value] of fields) pipeline.hset(key, field, value);
    const replies = await pipeline.exec();
    if (replies === null || replies.some(([error]) => error !== null)) return;
    if (replies[0]?.[1] === 0) {
      retired = last ?? [];
      last = undefined;
      return publish(stopped);
    }
    last = metrics;
    published = events;
    idleTicks = 0;
    more?.published();
  };
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= publish(false)
      .catch(() => {})
      .finally(() => (running = undefined));
  }, PUBLISH_INTERVAL_MS);
  return {
    async stop() {
      clearInterval(timer);
      await running;
      await publish(true).catch(() => {});
    },
  };
}
