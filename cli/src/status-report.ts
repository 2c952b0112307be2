/** Everything that `lyftr status` knows of a running system, asked of its routes at one moment. */
import type { LedgerAnswer } from '@lyftr/shared/ledger';
import { ledgerFaults } from './ledger-text.js';
import type { Client } from '@lyftr/shared/client';
import { parseSamples, type Sample } from './prometheus.js';

export interface ProcessLine {
  service: string;
  instance: string;
  up: boolean;
  /** Null when it does not live. */
  ageSeconds: number | null;
  memoryBytes: number | null;
}

const SERVICES = ['ingest', 'writer', 'query'] as const;
const RATES = ['accepted', 'created', 'duplicate', 'deadLetter', 'refused'] as const;
type Counts = Record<(typeof RATES)[number], number>;

/** Null stands for what cannot be told now. */
export interface Report {
  healthy: boolean;
  /** Why it is not: one line each. */
  faults: string[];
  processes: ProcessLine[];
  /** The state of each dependency, as `/readyz` gives it. The writer's is null when its port is not reached from here. */
  ready: { ingest: Record<string, string>; writer: Record<string, string> | null };
  queue: { messages: number; oldestSeconds: number } | null;
  ledger: (Omit<LedgerAnswer, 'missing'> & { missingMessages: number | null }) | null;
  textIndexLagMessages: number | null;
  /** Since the report before. */
  perSecond: Counts | null;
}

/** What the next report needs of this one. */
export interface Reading {
  report: Report;
  atMs: number;
  counts: Counts | undefined;
}

interface Readiness {
  dependencies?: Record<string, string>;
}

const isOk = (state: string): boolean => /^ok(: |$)/.test(state);
const hasName = (wanted: string) => (sample: Sample) => sample.name === wanted;

function valueOf(samples: readonly Sample[], name: string): number | undefined {
  return samples.find(hasName(name))?.value;
}

function processesOf(samples: readonly Sample[]): ProcessLine[] {
  const of = (name: string, instance: string | undefined): number | undefined =>
    samples.find((sample) => sample.name === name && sample.labels['instance'] === instance)?.value;
  const rank = (service: string): number => SERVICES.findIndex((each) => each === service);
  return samples
    .filter(hasName('lyftr_process_up'))
    .map(({ labels: { service = '', instance = '' }, value }) => {
      const startedAt = of('process_start_time_seconds', instance);
      const ageSeconds =
        startedAt === undefined ? null : Math.max(0, Math.round(Date.now() / 1_000 - startedAt));
      const memoryBytes = of('process_resident_memory_bytes', instance) ?? null;
      return { service, instance, up: value === 1, ageSeconds, memoryBytes };
    })
    .toSorted((a, b) => rank(a.service) - rank(b.service) || Number(b.up) - Number(a.up));
}

function countsOf(samples: readonly Sample[]): Counts | undefined {
  const accepted = valueOf(samples, 'webhook_accepted_total');
  if (accepted === undefined) return undefined;
  const fate = (...statuses: string[]): number =>
    samples
      .filter(({ name, labels }) => name === 'webhook_total' && statuses.includes(labels['status'] ?? ''))
      .reduce((sum, { value }) => sum + value, 0);
  return {
    accepted,
    created: fate('created'),
    duplicate: fate('duplicate'),
    deadLetter: fate('dead_letter'),
    refused: fate('invalid_signature', 'invalid_payload', 'too_large', 'unavailable'),
  };
}

/** Null when there is nothing to compare with, or a counter began anew. */
function ratesOf(now: Counts | undefined, atMs: number, before: Reading | undefined): Counts | null {
  const earlier = before?.counts;
  if (now === undefined || before === undefined || earlier === undefined) return null;
  const seconds = (atMs - before.atMs) / 1_000;
  const rates = RATES.map(
    (name) => [name, Number(((now[name] - earlier[name]) / seconds).toFixed(1))] as const,
  );
  return rates.some(([, rate]) => rate < 0) ? null : (Object.fromEntries(rates) as Counts);
}

function queueOf(samples: readonly Sample[]): Report['queue'] {
  const messages = valueOf(samples, 'queue_depth_messages');
  const oldestSeconds = valueOf(samples, 'queue_oldest_message_age_seconds');
  return messages === undefined || oldestSeconds === undefined ? null : { messages, oldestSeconds };
}

export interface CollectOptions {
  client: Client;
  /** Whether the writer is expected where the client looks for it: `must` makes its silence a fault. */
  writer: 'must' | 'may' | 'not';
  before?: Reading;
}

/** Rejects with UnreachableError when nothing answers at the origin; everything else that fails is a fault of the report. */
export async function collect({ client, writer, before }: CollectOptions): Promise<Reading> {
  const faults: string[] = [];
  const ingest = ((await (await client.fetch('/readyz')).json().catch(() => ({}))) as Readiness).dependencies;
  /** The answer, or undefined and a fault. */
  const ask = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (error) {
      faults.push((error as Error).message);
      return undefined;
    }
  };
  const writerState = async (): Promise<Record<string, string> | undefined> => {
    if (writer === 'not') return undefined;
    const answer = client.fetchAtWriter('/readyz');
    const response = writer === 'must' ? await ask(answer) : await answer.catch(() => undefined);
    if (response === undefined) return undefined;
    return ((await response.json().catch(() => ({}))) as Readiness).dependencies;
  };
  const [metrics, ledger, writerReady] = await Promise.all([
    ask(client.getText('/metrics')),
    ask(client.get('/ledger') as Promise<LedgerAnswer>),
    writerState(),
  ]);
  const atMs = performance.now();
  const samples = parseSamples(metrics ?? '');

  if (ingest === undefined) faults.push('GET /readyz does not answer as Lyftr does');
  for (const [service, states] of Object.entries({ ingest, writer: writerReady }))
    for (const [name, state] of Object.entries(states ?? {}))
      if (!isOk(state)) faults.push(`${service} is not ready: ${name}: ${state}`);
  const processes = processesOf(samples);
  if (metrics !== undefined)
    for (const service of SERVICES)
      if (!processes.some((each) => each.service === service && each.up)) faults.push(`no ${service} is up`);
  if (valueOf(samples, 'lyftr_redis_up') === 0) faults.push('Redis does not answer the query service');
  if (ledger !== undefined) faults.push(...ledgerFaults(ledger));

  const { missing = null, ...outcomes } = ledger ?? {};
  const counts = countsOf(samples);
  const report: Report = {
    healthy: faults.length === 0,
    faults,
    processes,
    ready: { ingest: ingest ?? {}, writer: writerReady ?? null },
    queue: queueOf(samples),
    ledger:
      ledger === undefined
        ? null
        : { ...(outcomes as Omit<LedgerAnswer, 'missing'>), missingMessages: missing?.messages ?? null },
    textIndexLagMessages: valueOf(samples, 'index_lag_messages') ?? null,
    perSecond: ratesOf(counts, atMs, before),
  };
  return { report, atMs, counts };
}
