/** Metric names, help and labels; and how the figures of every process meet in Redis. */
import { hostname } from 'node:os';
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import {
  Counter,
  Gauge,
  Histogram,
  Registry,
  collectDefaultMetrics,
  type MetricObjectWithValues,
  type MetricValue,
} from 'prom-client';
import { LAG_SAMPLE_MS, subtractSamplePeriod } from './event-loop.js';
import { PUBLISH_INTERVAL_MS } from './limits.js';
import { since } from './since.js';

export type Service = 'ingest' | 'writer' | 'query';

const LATENCY_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

export const COUNTERS = {
  webhook_total: {
    help: 'Deliveries by fate, each counted once, where its fate is decided.',
    labelNames: ['status'],
  },
  webhook_accepted_total: {
    help: 'Messages acknowledged to their sender, after Redis acknowledged them.',
    labelNames: [],
  },
  conflicting_duplicate_total: {
    help: 'Duplicates whose content differs from the message that is stored under their id.',
    labelNames: [],
  },
  db_write_total: { help: 'Rows that the writer was asked to store, by result.', labelNames: ['result'] },
} as const;

/** Figures of the whole system, which query alone gives. A process that publishes one of them is not asked. */
export const SYSTEM_GAUGES = {
  queue_depth_messages: { help: 'Messages acknowledged and not yet settled by the writer.', labelNames: [] },
  queue_depth_jobs: { help: 'BullMQ jobs by state.', labelNames: ['state'] },
  queue_oldest_message_age_seconds: {
    help: 'Age of the oldest message that waits in the queue; 0 when none waits.',
    labelNames: [],
  },
  ledger_missing_messages: {
    help: 'Messages that were acknowledged, and are neither stored nor in the queue: lost. GET /ledger names them. Left out while the queue is too long to tell.',
    labelNames: [],
  },
  ledger_unconfirmed_messages: {
    help: 'Messages that were stored or wait although no ingest process has confirmed that it acknowledged them: their sender was told 503, or their process was killed. Rises for up to a second during a burst.',
    labelNames: [],
  },
  ledger_written_off_messages: {
    help: 'Messages that were acknowledged, are gone, and were given up by an operator. Falls when one of them comes after all.',
    labelNames: [],
  },
  index_lag_messages: {
    help: 'Stored messages that the text index does not hold yet; they are searched by scan.',
    labelNames: [],
  },
  dead_letters_waiting: {
    help: 'Dead letters that nobody has replayed or discarded yet, by kind; conflicting duplicates are among them.',
    labelNames: ['kind'],
  },
  database_bytes: {
    help: 'Size of the database (file="main") and of its write-ahead log (file="wal").',
    labelNames: ['file'],
  },
  disk_free_bytes: {
    help: 'Room that is left on the file system of DATA_DIR.',
    labelNames: [],
  },
  redis_memory_used_ratio: {
    help: 'Share of maxmemory that Redis has used, 0 to 1; 0 when it has no limit. Intake is refused from 0.8.',
    labelNames: [],
  },
  lyftr_process_up: {
    help: '1 while the process publishes, 0 once it has stopped doing so.',
    labelNames: ['service', 'instance'],
  },
  lyftr_redis_up: {
    help: '1 when Redis answered this scrape; the figures that come from it are left out otherwise.',
    labelNames: [],
  },
} as const;

/** What each process sets for itself; the page shows it with the service and the instance that it is of. */
export const PROCESS_GAUGES = {
  redis_fsync_always: {
    help: '1 when an acknowledgement of this process waits for an fsync, 0 when REDIS_FSYNC asks for everysec.',
    labelNames: [],
  },
} as const;

const GAUGES = { ...SYSTEM_GAUGES, ...PROCESS_GAUGES };

export const HISTOGRAMS = {
  ingest_ack_seconds: {
    help: 'From the first byte of a delivery to the acknowledgement of Redis.',
    labelNames: [],
    buckets: LATENCY_SECONDS,
  },
  store_lag_seconds: {
    help: 'From the acceptance of the oldest message of a batch to its commit.',
    labelNames: [],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  },
  writer_batch_messages: {
    help: 'Messages per transaction.',
    labelNames: [],
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000],
  },
  http_request_duration_seconds: {
    help: 'Requests by service, route, method and status code.',
    labelNames: ['service', 'route', 'method', 'code'],
    buckets: LATENCY_SECONDS,
  },
} as const;

/** No global registry: each process (and each test) makes its own. */
export function counter<N extends keyof typeof COUNTERS>(registry: Registry, name: N) {
  return new Counter<(typeof COUNTERS)[N]['labelNames'][number]>({
    name,
    ...COUNTERS[name],
    registers: [registry],
  });
}

export function gauge<N extends keyof typeof GAUGES>(registry: Registry, name: N) {
  return new Gauge<(typeof GAUGES)[N]['labelNames'][number]>({
    name,
    ...GAUGES[name],
    registers: [registry],
  });
}

export function histogram<N extends keyof typeof HISTOGRAMS>(registry: Registry, name: N) {
  const { help, labelNames, buckets } = HISTOGRAMS[name];
  return new Histogram<(typeof HISTOGRAMS)[N]['labelNames'][number]>({
    name,
    help,
    labelNames,
    buckets: [...buckets],
    registers: [registry],
  });
}

/** A registry with the process's own figures: CPU, memory, event loop, garbage collection. */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_SAMPLE_MS });
  subtractSamplePeriod(registry);
  return registry;
}

/**
 * Names one life of one process; a restarted process is a new instance, and its counters start at zero. Host and pid
 * repeat in containers, so the rest has to be unique by itself: two lives of one name would take each other's batches.
 */
export function newInstanceId(): string {
  return `${hostname()}-${process.pid}-${randomBytes(8).toString('hex')}`;
}

/** Hash: instance → Snapshot as JSON. */
export const SNAPSHOTS_KEY = 'lyftr:metrics';
export type PublishedMetric = MetricObjectWithValues<MetricValue<string>>;

export interface Snapshot {
  service: Service;
  instance: string;
  pid: number;
  /** Where other processes reach it; of a writer only. */
  url?: string;
  /** Epoch milliseconds. */
  startedAt: number;
  /** Epoch milliseconds of this publication. */
  at: number;
  /** True in the last snapshot of a process that shut down in order. */
  stopped: boolean;
  metrics: PublishedMetric[];
}

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
