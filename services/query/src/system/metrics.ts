/** `GET /metrics`: the figures of all processes, running or retired, and those that the writer keeps in SQLite. */
import type { Registry } from 'prom-client';
import {
  COUNTERS,
  SYSTEM_GAUGES,
  type PublishedMetric,
  type Service,
  type ProcessSnapshot,
} from '@lyftr/shared/metrics';
import { OUTCOMES, REFUSALS } from '@lyftr/shared/outcomes';
import { JOB_STATES } from '@lyftr/shared/sample';
import { keyOfField } from '@lyftr/shared/sources';
import type { Sizes, Stored } from '@lyftr/store/store';
import { family, gaugesOf, totalsOf, type Family, type MetricSample } from './families.js';
import type { LedgerAnswer } from '@lyftr/shared/ledger';
import { stateOf, type Lookout } from './look.js';
import type { Published } from './published.js';

export interface Metrics {
  /** The families by process, to be summed. Takes at most a second, whatever the state of Redis. */
  families(): Promise<Family[][]>;
}

export interface MetricsOptions {
  lookout: Lookout;
  /**
   * The figures of this process. Its gauges are current, but its counters are shown only as published: a kill loses
   * unpublished counts, and the smaller sum would look like a reset.
   */
  registry: Registry;
  instance: string;
}

const SERVICE: Service = 'query';

const sample = (value: number, labels: MetricSample['labels'] = {}): MetricSample => ({ value, labels });
const counter = (name: keyof typeof COUNTERS, values: MetricSample[]): Family =>
  family('counter', { name, help: COUNTERS[name].help }, values);
const gauge = (name: keyof typeof SYSTEM_GAUGES, values: MetricSample[]): Family =>
  family('gauge', { name, help: SYSTEM_GAUGES[name].help }, values);

/** Samples that are read from SQLite. Published values of them are ignored, because they would count twice. */
function isKeptBySqlite(name: string, { labels }: MetricSample): boolean {
  if (name === 'webhook_total') return OUTCOMES.some((outcome) => outcome === labels['status']);
  if (name === 'db_write_total') return labels['result'] !== 'error';
  return name === 'webhook_accepted_total';
}

function publishedTotals(snapshot: Pick<ProcessSnapshot, 'service' | 'metrics'>): Family[] {
  return totalsOf(snapshot)
    .map((each) => ({ ...each, values: each.values.filter((value) => !isKeptBySqlite(each.name, value)) }))
    .filter(({ values }) => values.length > 0);
}

function publishedGauges(
  metrics: readonly PublishedMetric[],
  labels: { service: string; instance: string },
): Family[] {
  return gaugesOf(metrics, labels).filter(({ name }) => !(name in SYSTEM_GAUGES));
}

function storedFamilies({ account, indexLagMessages, deadLetters }: Stored): Family[] {
  const { outcomes, conflictingDuplicates, writtenOff, fanout } = account;
  return [
    counter(
      'webhook_total',
      OUTCOMES.map((status) => sample(outcomes[status], { status })),
    ),
    counter('db_write_total', [
      sample(outcomes.created, { result: 'success' }),
      sample(outcomes.duplicate, { result: 'duplicate' }),
    ]),
    counter('conflicting_duplicate_total', [sample(conflictingDuplicates)]),
    counter('webhook_fanout_total', [sample(fanout)]),
    gauge('ledger_written_off_messages', [sample(writtenOff)]),
    gauge('index_lag_messages', [sample(indexLagMessages)]),
    gauge(
      'dead_letters_waiting',
      Object.entries(deadLetters).map(([kind, letters]) => sample(letters, { kind })),
    ),
  ];
}

function sizeFamilies({ parts, freeBytes }: Sizes): Family[] {
  return [
    gauge(
      'database_bytes',
      Object.entries(parts).map(([file, bytes]) => sample(bytes, { file })),
    ),
    gauge('disk_free_bytes', [sample(freeBytes)]),
  ];
}

function queueFamilies({ jobs, oldestJobAt, memoryUsedRatio }: Published, now: number): Family[] {
  const ageMs = oldestJobAt === undefined ? 0 : Math.max(0, now - oldestJobAt);
  return [
    gauge(
      'queue_depth_jobs',
      JOB_STATES.map((state) => sample(jobs[state], { state })),
    ),
    gauge('queue_oldest_message_age_seconds', [sample(ageMs / 1_000)]),
    gauge('redis_memory_used_ratio', [sample(memoryUsedRatio)]),
  ];
}

function ledgerFamilies(ledger: LedgerAnswer): Family[] {
  const { accepted, accepted_by_source, unconfirmed, waiting, missing } = ledger;
  const sources = Object.entries(accepted_by_source);
  const ofSources = sources.reduce((sum, [, count]) => sum + count, 0);
  return [
    counter('webhook_accepted_total', [
      sample(accepted - ofSources),
      ...sources.map(([source, count]) => sample(count, { source })),
    ]),
    gauge('ledger_unconfirmed_messages', [sample(unconfirmed)]),
    gauge('queue_depth_messages', [sample(waiting)]),
    ...(missing === null ? [] : [gauge('ledger_missing_messages', [sample(missing.messages)])]),
  ];
}

/** Of a running system, the process that is worst off. Absent when no process has the gauge. */
function leastOf(
  name: 'sources_last_reload_successful' | 'sources_last_reload_success_timestamp_seconds',
  processes: readonly (readonly PublishedMetric[])[],
): Family[] {
  const values = processes.flatMap((metrics) => metrics.find((metric) => metric.name === name)?.values ?? []);
  return values.length === 0 ? [] : [gauge(name, [sample(Math.min(...values.map(({ value }) => value)))])];
}

function sourceFamilies(
  { snapshots, keysUsed }: Published,
  own: { instance: string; metrics: PublishedMetric[] },
  now: number,
): Family[] {
  const running = snapshots.filter(
    (snapshot) => snapshot.instance !== own.instance && stateOf(snapshot, now) === 'up',
  );
  const processes = [own.metrics, ...running.map(({ metrics }) => metrics)];
  const used = Object.entries(keysUsed).map(([field, at]) => {
    const { source, key } = keyOfField(field);
    return sample(Number(at) / 1_000, { source, key });
  });
  return [
    ...leastOf('sources_last_reload_successful', processes),
    ...leastOf('sources_last_reload_success_timestamp_seconds', processes),
    ...(used.length === 0 ? [] : [gauge('webhook_key_last_used_timestamp_seconds', used)]),
  ];
}

/** Counters start at zero, so that a rate includes the first event. */
const ZEROS: Family[] = [
  counter(
    'webhook_total',
    REFUSALS.map((status) => sample(0, { status })),
  ),
  counter('db_write_total', [sample(0, { result: 'error' })]),
];

/** The gauges of every other running process, and whether each process is up. */
function processFamilies({ snapshots }: Published, own: string, now: number): Family[][] {
  const up: MetricSample[] = [];
  const gauges: Family[][] = [];
  for (const snapshot of snapshots) {
    const { service, instance, metrics } = snapshot;
    const state = stateOf(snapshot, now);
    if (instance === own || state === undefined) continue;
    const labels = { service, instance };
    up.push(sample(state === 'up' ? 1 : 0, labels));
    if (state === 'up') gauges.push(publishedGauges(metrics, labels));
  }
  return [[gauge('lyftr_process_up', up)], ...gauges];
}

export function createMetrics({ lookout, registry, instance }: MetricsOptions): Metrics {
  /**
   * While Redis is not responding, the counters of other processes keep their last values: a smaller sum would look
   * like a reset.
   */
  let last: Published | undefined;
  const own = { service: SERVICE, instance };

  async function families(): Promise<Family[][]> {
    const [ownMetrics, { at: now, published, stored, sizes }] = await Promise.all([
      registry.getMetricsAsJSON() as Promise<PublishedMetric[]>,
      lookout.look(),
    ]);
    last = published ?? last;

    const processes: Family[][] = [
      [gauge('lyftr_redis_up', [sample(published === undefined ? 0 : 1)])],
      [gauge('lyftr_process_up', [sample(1, own)])],
    ];
    if (typeof stored !== 'string') {
      processes.push(storedFamilies(stored));
      if (stored.ledger !== undefined) processes.push(ledgerFamilies(stored.ledger));
    }
    if (sizes !== undefined) processes.push(sizeFamilies(sizes));
    if (published !== undefined)
      processes.push(
        queueFamilies(published, now),
        sourceFamilies(published, { instance, metrics: ownMetrics }, now),
        ...processFamilies(published, instance, now),
      );
    if (last !== undefined) {
      const retired = last.retired === undefined ? [] : [last.retired];
      processes.push(ZEROS, ...[...retired, ...last.snapshots].map(publishedTotals));
    }
    processes.push(publishedGauges(ownMetrics, own));
    return processes;
  }
  return { families };
}
