/**
 * Converts a reading of the system into a sample for the console. Counters are totals, and the client computes rates.
 */
import { REFUSALS } from '@lyftr/shared/outcomes';
import type { ProcessState, Sample } from '@lyftr/shared/sample';
import { sumOf } from './families.js';
import type { LedgerReading } from './ledger.js';
import { stateOf, type Look } from './look.js';
import type { Published } from './published.js';
import { withState, type Figures } from './state.js';

function processesOf({ snapshots, leader }: Published, now: number): ProcessState[] {
  return snapshots
    .flatMap((snapshot): ProcessState[] => {
      const state = stateOf(snapshot, now);
      if (state === undefined) return [];
      const { service, instance, pid, url = null, startedAt, at, metrics } = snapshot;
      const memory = metrics.find(({ name }) => name === 'process_resident_memory_bytes')?.values[0];
      return [
        {
          service,
          instance,
          pid,
          state,
          leads: instance === leader,
          url,
          started_at: startedAt,
          seen_at: at,
          memory_bytes: memory?.value ?? null,
        },
      ];
    })
    .toSorted((a, b) => a.service.localeCompare(b.service) || b.started_at - a.started_at);
}

function ledgerOf({ account, ledger }: LedgerReading): Sample['ledger'] {
  const stored = {
    ...account.outcomes,
    conflicting_duplicate: account.conflictingDuplicates,
    fanout: account.fanout,
    written_off: account.writtenOff,
  };
  if (ledger === undefined)
    return { ...stored, accepted: null, unconfirmed: null, waiting: null, difference: null, missing: null };
  const { accepted, unconfirmed, waiting, difference, missing } = ledger;
  return { ...stored, accepted, unconfirmed, waiting, difference, missing: missing?.messages ?? null };
}

function ofRedis(
  redis: Published,
  now: number,
): Pick<Sample, 'queue' | 'refused' | 'store_lag' | 'processes'> {
  const { snapshots, retired, jobs, oldestJobAt } = redis;
  const metrics = [...snapshots, ...(retired === undefined ? [] : [retired])].map((each) => each.metrics);
  const lag = (part: string) =>
    sumOf(metrics, 'store_lag_seconds', ({ metricName }) => metricName === `store_lag_seconds_${part}`);
  return {
    queue: {
      jobs,
      oldest_age_seconds: oldestJobAt === undefined ? 0 : Math.max(0, now - oldestJobAt) / 1_000,
    },
    refused: Object.fromEntries(
      REFUSALS.map((status) => [
        status,
        sumOf(metrics, 'webhook_total', (value) => value.labels['status'] === status),
      ]),
    ),
    store_lag: { seconds: lag('sum'), batches: lag('count') },
    processes: processesOf(redis, now),
  };
}

export function sampleOf({ at, published, stored }: Look): Sample {
  const figures: Figures = {
    at,
    redis: published !== undefined,
    database: 'ok',
    ledger: null,
    dead_letters: null,
    index_lag_messages: null,
    queue: null,
    refused: null,
    store_lag: null,
    processes: null,
    ...(published === undefined ? {} : ofRedis(published, at)),
  };
  if (typeof stored === 'string') return withState({ ...figures, database: stored });
  return withState({
    ...figures,
    ledger: ledgerOf(stored),
    dead_letters: stored.deadLetters,
    index_lag_messages: stored.indexLagMessages,
  });
}
