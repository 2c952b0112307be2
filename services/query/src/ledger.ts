/** What the writer has settled, exact across any crash; and with it, what still waits. */
import { CONFLICTING_DUPLICATE, OUTCOMES, type Outcome } from '@lyftr/shared/database';
import type { Reader } from './store.js';

export interface LedgerReading {
  outcomes: Record<Outcome, number>;
  /** Of the duplicates, those with another content than what is stored. */
  conflictingDuplicates: number;
  /** Producer → messages of it that are settled. */
  settled: Map<string, number>;
  indexLagMessages: number;
  deadLettersWaiting: number;
}

export function readLedger(reader: Reader): LedgerReading {
  const counters = reader.all('SELECT name, value FROM counters') as { name: string; value: number }[];
  const counterOf = (wanted: string): number => counters.find(({ name }) => name === wanted)?.value ?? 0;
  const outcomes = Object.fromEntries(
    OUTCOMES.map((outcome) => [outcome, counterOf(outcome)]),
  ) as LedgerReading['outcomes'];
  const producers = reader.all('SELECT producer, settled FROM producers') as {
    producer: string;
    settled: number;
  }[];
  const { lag } = reader.get(
    'SELECT coalesce((SELECT max(seq) FROM messages), 0) - (SELECT watermark FROM text_index) AS lag',
  ) as { lag: number };
  const { waiting } = reader.get('SELECT count(*) AS waiting FROM dead_letters') as { waiting: number };
  return {
    outcomes,
    conflictingDuplicates: counterOf(CONFLICTING_DUPLICATE),
    settled: new Map(producers.map(({ producer, settled }) => [producer, settled])),
    indexLagMessages: Math.max(0, lag),
    deadLettersWaiting: waiting,
  };
}

/**
 * `accepted = created + duplicate + dead_letter + waiting`, exactly. A producer publishes what it accepted once a
 * second, so what is settled may be ahead of it: then nothing of that producer is known to wait, and what is
 * settled is what it accepted. Both of its figures only grow, so their maximum never goes backwards, in whichever
 * order and however far apart the two stores were read. Outcomes without a known producer count as accepted too.
 */
export function balance(
  { outcomes, settled }: LedgerReading,
  accepted: ReadonlyMap<string, number>,
): { accepted: number; waiting: number } {
  let waiting = 0;
  for (const [producer, count] of accepted) waiting += Math.max(0, count - (settled.get(producer) ?? 0));
  return {
    accepted: outcomes.created + outcomes.duplicate + outcomes.dead_letter + waiting,
    waiting,
  };
}
