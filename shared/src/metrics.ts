/** Metric names, help and labels; and what a process publishes of them in Redis. */
import type { MetricObjectWithValues, MetricValue } from 'prom-client';

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

export const GAUGES = { ...SYSTEM_GAUGES, ...PROCESS_GAUGES };

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
