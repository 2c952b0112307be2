/** Collects the figures of `lyftr status` from the routes of a running system. */
import { UnreachableError, type Client } from '@lyftr/shared/client/client';
import type { DeadLettersWaiting } from '@lyftr/shared/outcomes';
import type { LedgerReport, ProcessState, Sample } from '@lyftr/shared/sample';

export interface ProcessLine extends Pick<ProcessState, 'service' | 'instance' | 'state' | 'leads'> {
  /** From its start until now, or until it last published. */
  ageSeconds: number;
  /** Time since it last published. */
  silentSeconds: number;
  memoryBytes: number | null;
}

const SERVICES = ['ingest', 'writer', 'query'] as const;
const RATES = ['accepted', 'created', 'duplicate', 'deadLetter', 'refused'] as const;
type Counts = Record<(typeof RATES)[number], number>;

/** Null means unknown. */
export interface Report {
  healthy: boolean;
  /** The reasons why it is not healthy, one line each. */
  faults: string[];
  processes: ProcessLine[] | null;
  /** The state of each dependency from `/readyz`. Null for the leading writer when it cannot be reached from here. */
  ready: { ingest: Record<string, string> | null; writer: Record<string, string> | null };
  queue: { messages: number; oldestSeconds: number } | null;
  ledger: (Omit<LedgerReport, 'missing' | 'dead_letters'> & { missingMessages: number | null }) | null;
  deadLetters: DeadLettersWaiting | null;
  textIndexLagMessages: number | null;
  /** Since the previous report. */
  perSecond: Counts | null;
}

/** The data that the next report needs. */
export interface Reading {
  report: Report;
  atMs: number;
  counts: Counts | undefined;
}

interface Readiness {
  dependencies?: Record<string, string>;
}

const READY_TIMEOUT_MS = 2_000;

const isOk = (state: string): boolean => /^ok(: |$)/.test(state);

function linesOf({ processes, at }: Sample): ProcessLine[] {
  const rank = (service: string): number => SERVICES.findIndex((each) => each === service);
  return (processes ?? [])
    .map(({ service, instance, state, leads, started_at, seen_at, memory_bytes }) => ({
      service,
      instance,
      state,
      leads,
      ageSeconds: Math.max(0, Math.round(((state === 'up' ? at : seen_at) - started_at) / 1_000)),
      silentSeconds: Math.max(0, Math.round((at - seen_at) / 1_000)),
      memoryBytes: memory_bytes,
    }))
    .toSorted(
      (a, b) => rank(a.service) - rank(b.service) || Number(b.state === 'up') - Number(a.state === 'up'),
    );
}

function countsOf({ ledger, refused }: Sample): Counts | undefined {
  if (ledger === null || ledger.accepted === null || refused === null) return undefined;
  return {
    accepted: ledger.accepted,
    created: ledger.created,
    duplicate: ledger.duplicate,
    deadLetter: ledger.dead_letter,
    refused: Object.values(refused).reduce((sum, count) => sum + count, 0),
  };
}

/** Null without a previous report, or when a counter was reset. */
function ratesOf(now: Counts | undefined, atMs: number, before: Reading | undefined): Counts | null {
  const earlier = before?.counts;
  if (now === undefined || before === undefined || earlier === undefined) return null;
  const seconds = (atMs - before.atMs) / 1_000;
  const rates = RATES.map(
    (name) => [name, Number(((now[name] - earlier[name]) / seconds).toFixed(1))] as const,
  );
  return rates.some(([, rate]) => rate < 0) ? null : (Object.fromEntries(rates) as Counts);
}

/** The readiness of the writer at this address. Undefined when it cannot be reached. */
async function readinessAt(url: string): Promise<Record<string, string> | undefined> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(READY_TIMEOUT_MS) });
    return ((await response.json()) as Readiness).dependencies;
  } catch {
    return undefined;
  }
}

export interface CollectOptions {
  client: Client;
  /** Whether the addresses of the writers are valid on this machine. */
  isHere: boolean;
  before?: Reading;
}

/** Rejects with UnreachableError when the origin is not responding. Any other failure is a fault of the report. */
export async function collect({ client, isHere, before }: CollectOptions): Promise<Reading> {
  const faults: string[] = [];
  const ingest = ((await (await client.fetch('/readyz')).json().catch(() => ({}))) as Readiness).dependencies;
  /** The response. Undefined after a failure, which becomes a fault. */
  const ask = async <T>(path: string): Promise<T | undefined> => {
    try {
      return (await client.get(path)) as T;
    } catch (error) {
      // the origin has just responded, so the query service behind it is the one that does not
      const isSilent = error instanceof UnreachableError;
      faults.push(
        isSilent ? `no response to GET ${path}: query is frozen or busy` : (error as Error).message,
      );
      return undefined;
    }
  };
  const [sample, ledger] = await Promise.all([ask<Sample>('/system'), ask<LedgerReport>('/ledger')]);
  const atMs = performance.now();
  const processes = sample === undefined || sample.processes === null ? null : linesOf(sample);
  const leader = sample?.processes?.find(({ leads }) => leads)?.url ?? undefined;
  const writer = isHere && leader !== undefined ? await readinessAt(leader) : undefined;

  if (ingest === undefined) faults.push('the response of GET /readyz is not from Lyftr');
  for (const [service, states] of Object.entries({ ingest, writer }))
    for (const [name, state] of Object.entries(states ?? {}))
      if (!isOk(state)) faults.push(`${service} is not ready: ${name}: ${state}`);
  if (sample !== undefined) faults.push(...sample.faults);

  const { missing = null, dead_letters: _, ...outcomes } = ledger ?? {};
  const counts = sample === undefined ? undefined : countsOf(sample);
  const waiting = sample?.ledger?.waiting ?? undefined;
  const report: Report = {
    healthy: faults.length === 0,
    faults,
    processes,
    ready: { ingest: ingest ?? null, writer: writer ?? null },
    queue:
      waiting === undefined || !sample?.queue
        ? null
        : { messages: waiting, oldestSeconds: sample.queue.oldest_age_seconds },
    ledger:
      ledger === undefined
        ? null
        : {
            ...(outcomes as Omit<LedgerReport, 'missing' | 'dead_letters'>),
            missingMessages: missing?.messages ?? null,
          },
    deadLetters: sample?.dead_letters ?? null,
    textIndexLagMessages: sample?.index_lag_messages ?? null,
    perSecond: ratesOf(counts, atMs, before),
  };
  return { report, atMs, counts };
}
