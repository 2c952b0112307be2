/** Publishes the figures of a process in Redis, where query adds up those of all of them. */
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
  type Snapshot,
} from '../metrics.js';
import { since } from './since.js';

export interface PublisherOptions {
  redis: Redis;
  registry: Registry;
  service: Service;
  instance: string;
  /** Where other processes reach this one, when they need to. */
  url?: string;
  /** What is written in the same step, and is told when Redis has taken it. */
  more?: { fields(): [key: string, field: string, value: string][]; published(): void };
}

/** A process that nothing happens to publishes on every fourth tick: that it lives, and its memory. */
const IDLE_TICKS = 4;

/**
 * The figures that change only when something happens. The default ones are not asked for: collecting them reads
 * several files of /proc, which is most of what an idle process does.
 */
async function eventsOf(registry: Registry): Promise<string> {
  const families = [COUNTERS, PROCESS_GAUGES, HISTOGRAMS]
    .flatMap(Object.keys)
    .map((name) => registry.getSingleMetric(name))
    .filter((family) => family !== undefined);
  return JSON.stringify(await Promise.all(families.map((family) => family.get())));
}

/**
 * Writes a snapshot, unless somebody has taken the one before away: then it is part of a sum (query's `gone.ts`).
 * ARGV: instance, snapshot, '1' when there is none before. 0: nothing is written.
 */
const PUBLISH = `
if ARGV[3] ~= '1' and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1`;

/**
 * Publishes this process's figures, every second while something happens, so that query can sum over every process and
 * so that counts survive the process. A failed publication is silent: the next one carries the same totals.
 */
export function startPublisher(options: PublisherOptions): { stop(): Promise<void> } {
  const { redis, registry, service, instance, url, more } = options;
  const startedAt = Date.now();
  let published = '';
  let idleTicks = 0;
  /** The figures of the last snapshot that is in Redis. */
  let last: PublishedMetric[] | undefined;
  /** Those that are part of the sum of what is gone. */
  let gone: PublishedMetric[] = [];

  const publish = async (stopped: boolean): Promise<void> => {
    if (redis.status !== 'ready') return;
    const fields = more?.fields() ?? [];
    const events = `${await eventsOf(registry)} ${JSON.stringify(fields)}`;
    if (!stopped && events === published && ++idleTicks < IDLE_TICKS) return;
    // a copy, for what prom-client gives goes on counting
    const metrics = structuredClone((await registry.getMetricsAsJSON()) as PublishedMetric[]);
    const snapshot: Snapshot = {
      service,
      instance,
      pid: process.pid,
      ...(url === undefined ? {} : { url }),
      startedAt,
      at: Date.now(),
      stopped,
      metrics: since(metrics, gone),
    };
    // in one step: what was accepted and the batches that it was accepted in belong together
    const pipeline = redis
      .multi()
      .eval(PUBLISH, 1, SNAPSHOTS_KEY, instance, JSON.stringify(snapshot), last === undefined ? '1' : '0');
    for (const [key, field, value] of fields) pipeline.hset(key, field, value);
    const replies = await pipeline.exec();
    if (replies === null || replies.some(([error]) => error !== null)) return;
    if (replies[0]?.[1] === 0) {
      gone = last ?? [];
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
