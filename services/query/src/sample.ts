/** One look at the whole system, for somebody who watches it. Counters are totals: the watcher makes rates of them. */
import type { Redis } from 'ioredis';
import { ProblemError } from '@lyftr/shared/errors';
import { PROCESS_STALE_MS } from '@lyftr/shared/limits';
import type { PublishedMetric, Snapshot } from '@lyftr/shared/metrics';
import type { ProcessState, Sample } from '@lyftr/shared/sample';
import type { ReadStore } from '@lyftr/store/store';
import type { Sample as Value } from './families.js';
import { readLedger, type LedgerReading } from './ledger.js';
import { readQueue, type QueueReading } from './queue.js';

/** How long a process that has ended is still shown. */
const SHOWN_GONE_MS = 10 * 60 * 1_000;

/** Fates of a delivery that are decided at ingest. */
export const REFUSALS = ['invalid_signature', 'invalid_payload', 'too_large', 'unavailable'] as const;

function sum(metrics: readonly PublishedMetric[][], name: string, wanted: (value: Value) => boolean): number {
  let total = 0;
  for (const process of metrics) {
    const values = process.find((metric) => metric.name === name)?.values ?? [];
    for (const value of values as Value[]) {
      if (wanted(value) && Number.isFinite(value.value)) total += value.value;
    }
  }
  return total;
}

function stateOf({ stopped, at }: Snapshot, now: number): ProcessState['state'] {
  if (stopped) return 'stopped';
  return now - at <= PROCESS_STALE_MS ? 'up' : 'silent';
}

function processesOf({ snapshots, leader }: QueueReading, now: number): ProcessState[] {
  return snapshots
    .map((snapshot): ProcessState => {
      const memory = snapshot.metrics.find(({ name }) => name === 'process_resident_memory_bytes')?.values[0];
      return {
        service: snapshot.service,
        instance: snapshot.instance,
        pid: snapshot.pid,
        state: stateOf(snapshot, now),
        leads: snapshot.instance === leader,
        url: snapshot.url ?? null,
        started_at: snapshot.startedAt,
        seen_at: snapshot.at,
        memory_bytes: memory?.value ?? null,
      };
    })
    .filter(({ state, seen_at }) => state === 'up' || now - seen_at <= SHOWN_GONE_MS)
    .toSorted((a, b) => a.service.localeCompare(b.service) || b.started_at - a.started_at);
}

/** The reading, or why there is none. */
async function fromStores(redis: Redis, store: ReadStore): Promise<LedgerReading | string> {
  try {
    return await readLedger(redis, store);
  } catch (error) {
    if (error instanceof ProblemError) return error.message;
    throw error;
  }
}

function ledgerOf({ account, ledger }: LedgerReading): Sample['ledger'] {
  const stored = {
    ...account.outcomes,
    conflicting_duplicate: account.conflictingDuplicates,
    written_off: account.writtenOff,
  };
  if (ledger === undefined)
    return { ...stored, accepted: null, unconfirmed: null, waiting: null, difference: null, missing: null };
  const { accepted, unconfirmed, waiting, difference, missing } = ledger;
  return { ...stored, accepted, unconfirmed, waiting, difference, missing: missing?.messages ?? null };
}

function ofQueue(
  queue: QueueReading,
  now: number,
): Pick<Sample, 'queue' | 'refused' | 'store_lag' | 'processes'> {
  const published = [...queue.snapshots, ...(queue.gone === undefined ? [] : [queue.gone])].map(
    ({ metrics }) => metrics,
  );
  const lag = (part: string) =>
    sum(published, 'store_lag_seconds', ({ metricName }) => metricName === `store_lag_seconds_${part}`);
  return {
    queue: {
      jobs: queue.jobs,
      oldest_age_seconds: queue.oldestJobAt === undefined ? 0 : Math.max(0, now - queue.oldestJobAt) / 1_000,
    },
    refused: Object.fromEntries(
      REFUSALS.map((status) => [
        status,
        sum(published, 'webhook_total', (value) => value.labels['status'] === status),
      ]),
    ),
    store_lag: { seconds: lag('sum'), batches: lag('count') },
    processes: processesOf(queue, now),
  };
}

/** `read` never rejects for a store that is away, and takes a second at most when Redis hangs. */
export function createSampler(redis: Redis, store: ReadStore): { read(): Promise<Sample> } {
  return {
    async read() {
      const [queue, stored] = await Promise.all([
        readQueue(redis).catch(() => undefined),
        fromStores(redis, store),
      ]);
      const now = Date.now();
      const sample: Sample = {
        at: now,
        redis: queue !== undefined,
        database: 'ok',
        ledger: null,
        dead_letters: null,
        index_lag_messages: null,
        queue: null,
        refused: null,
        store_lag: null,
        processes: null,
        ...(queue === undefined ? {} : ofQueue(queue, now)),
      };
      if (typeof stored === 'string') return { ...sample, database: stored };
      return {
        ...sample,
        ledger: ledgerOf(stored),
        dead_letters: stored.deadLetters,
        index_lag_messages: stored.indexLagMessages,
      };
    },
  };
}
