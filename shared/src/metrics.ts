/** The names, help texts and labels of the metrics, and the snapshots that processes publish in Redis. */
import type { MetricObjectWithValues, MetricValue } from 'prom-client';

export type Service = 'ingest' | 'writer' | 'query';

const LATENCY_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

export const COUNTERS = {
  webhook_total: {
    help: 'Deliveries by outcome. Each is counted once, by the service that decides the outcome.',
    labelNames: ['status', 'source'],
  },
  webhook_accepted_total: {
    help: 'Messages, and deliveries of sources, that were acknowledged to their sender. Redis had acknowledged them before.',
    labelNames: ['source'],
  },
  webhook_fanout_total: {
    help: 'Outcomes of deliveries of sources beyond the first of each: a delivery with three messages counts 2.',
    labelNames: [],
  },
  webhook_rejected_total: {
    help: 'Deliveries of sources whose signature was not accepted, by reason.',
    labelNames: ['source', 'reason'],
  },
  webhook_key_used_total: {
    help: 'Accepted deliveries, by the key that verified them.',
    labelNames: ['source', 'key'],
  },
  conflicting_duplicate_total: {
    help: 'Duplicates whose content differs from the message stored under the same id.',
    labelNames: [],
  },
  db_write_total: { help: 'Rows that the writer was asked to store, by result.', labelNames: ['result'] },
} as const;

/** Gauges of the whole system. Only query sets them. Values published by a process under these names are ignored. */
export const SYSTEM_GAUGES = {
  queue_depth_messages: {
    help: 'Acknowledged messages that the writer has not settled yet.',
    labelNames: [],
  },
  queue_depth_jobs: { help: 'BullMQ jobs by state.', labelNames: ['state'] },
  queue_oldest_message_age_seconds: {
    help: 'Age of the oldest message in the queue. 0 when the queue is empty.',
    labelNames: [],
  },
  ledger_missing_messages: {
    help: 'Lost messages: they were acknowledged, but are neither stored nor in the queue. GET /ledger lists them. Absent while the queue is too long to tell.',
    labelNames: [],
  },
  ledger_unconfirmed_messages: {
    help: 'Messages that are stored or waiting although no ingest process confirmed that it acknowledged them. Their sender was told 503, or the process was killed. Rises for up to a second during a burst.',
    labelNames: [],
  },
  ledger_written_off_messages: {
    help: 'Acknowledged messages that were missing and that an operator wrote off. Falls when such a message is stored later.',
    labelNames: [],
  },
  index_lag_messages: {
    help: 'Stored messages that are not in the text index yet. A search scans them.',
    labelNames: [],
  },
  dead_letters_waiting: {
    help: 'Dead letters that have not been replayed or discarded, by kind. Includes conflicting duplicates.',
    labelNames: ['kind'],
  },
  database_bytes: {
    help: 'Size of the database (file="main") and of its write-ahead log (file="wal").',
    labelNames: ['file'],
  },
  disk_free_bytes: {
    help: 'Free space on the file system of DATA_DIR.',
    labelNames: [],
  },
  redis_memory_used_ratio: {
    help: 'Share of maxmemory that Redis uses, from 0 to 1. 0 when Redis has no limit. From 0.8 on, ingest refuses messages.',
    labelNames: [],
  },
  sources_last_reload_successful: {
    help: '1 when every process could read the sources file the last time it tried, otherwise 0. Absent without SOURCES_FILE.',
    labelNames: [],
  },
  sources_last_reload_success_timestamp_seconds: {
    help: 'When the sources file was read without a fault, of the process for which that is longest ago.',
    labelNames: [],
  },
  webhook_key_last_used_timestamp_seconds: {
    help: 'When a key of a source last verified a delivery.',
    labelNames: ['source', 'key'],
  },
  lyftr_process_up: {
    help: '1 while the process publishes its figures, 0 when it has stopped or is silent.',
    labelNames: ['service', 'instance'],
  },
  lyftr_redis_up: {
    help: '1 when Redis responded to this scrape. Otherwise 0, and the figures from Redis are absent.',
    labelNames: [],
  },
} as const;

/** Gauges of one process. The metrics page labels them with service and instance. */
export const PROCESS_GAUGES = {
  redis_fsync_always: {
    help: '1 when this process acknowledges a message after an fsync, 0 when REDIS_FSYNC is everysec.',
    labelNames: [],
  },
} as const;

export const GAUGES = { ...SYSTEM_GAUGES, ...PROCESS_GAUGES };

export const HISTOGRAMS = {
  ingest_ack_seconds: {
    help: 'Time from the first byte of a delivery to the acknowledgement by Redis.',
    labelNames: [],
    buckets: LATENCY_SECONDS,
  },
  store_lag_seconds: {
    help: 'Time from the acceptance of the oldest message of a batch to the commit.',
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

/** Hash: instance → ProcessSnapshot as JSON. */
export const SNAPSHOTS_KEY = 'lyftr:metrics';
export type PublishedMetric = MetricObjectWithValues<MetricValue<string>>;

export interface ProcessSnapshot {
  service: Service;
  instance: string;
  pid: number;
  /** The URL at which other processes reach it. Only a writer has one. */
  url?: string;
  /** Epoch milliseconds. */
  startedAt: number;
  /** Epoch milliseconds of this publication. */
  at: number;
  /** True in the last snapshot of a process that shut down cleanly. */
  stopped: boolean;
  metrics: PublishedMetric[];
}
