/** What the writer has settled, exact across any crash; and with it, what still waits. */
import { CONFLICTING_DUPLICATE, OUTCOMES, WRITTEN_OFF, type Outcome } from '@lyftr/shared/database';
import { FINISHED } from '@lyftr/shared/metrics';
import type { Reader } from './store.js';

export interface LedgerReading {
  outcomes: Record<Outcome, number>;
  /** Of the duplicates, those with another content than what is stored. */
  conflictingDuplicates: number;
  /** Messages that were given up. */
  writtenOff: number;
  /** Producer → messages of it that are settled or written off. */
  settled: Map<string, number>;
  indexLagMessages: number;
  deadLettersWaiting: number;
}

/** `settled` is of the producers that Redis lists: the database keeps every producer there ever was. */
export function readLedger(reader: Reader, producers: Iterable<string>): LedgerReading {
  const counters = reader.all('SELECT name, value FROM counters') as { name: string; value: number }[];
  const counterOf = (wanted: string): number => counters.find(({ name }) => name === wanted)?.value ?? 0;
  const outcomes = Object.fromEntries(
    OUTCOMES.map((outcome) => [outcome, counterOf(outcome)]),
  ) as LedgerReading['outcomes'];
  const settled = reader.all(
    `SELECT producer, settled + written_off AS settled FROM producers
     WHERE producer IN (SELECT value FROM json_each(:producers))`,
    { producers: JSON.stringify([...producers]) },
  ) as { producer: string; settled: number }[];
  const { lag } = reader.get(
    'SELECT coalesce((SELECT max(seq) FROM messages), 0) - (SELECT watermark FROM text_index) AS lag',
  ) as { lag: number };
  const { waiting } = reader.get('SELECT count(*) AS waiting FROM dead_letters') as { waiting: number };
  return {
    outcomes,
    conflictingDuplicates: counterOf(CONFLICTING_DUPLICATE),
    writtenOff: counterOf(WRITTEN_OFF),
    settled: new Map(settled.map((row) => [row.producer, row.settled])),
    indexLagMessages: Math.max(0, lag),
    deadLettersWaiting: waiting,
  };
}

/**
 * `accepted = created + duplicate + dead_letter + written_off + waiting`, exactly. A producer publishes what it accepted
 * once a second, so what is settled may be ahead of it: then nothing of that producer is known to wait, and what is
 * settled is what it accepted. Both of its figures only grow, so their maximum never goes backwards, in whichever
 * order and however far apart the two stores were read. Outcomes without a known producer count as accepted too.
 */
export function balance(
  { outcomes, writtenOff, settled }: LedgerReading,
  accepted: ReadonlyMap<string, number>,
): { accepted: number; waiting: number } {
  let waiting = 0;
  for (const [producer, count] of accepted) waiting += Math.max(0, count - (settled.get(producer) ?? 0));
  return {
    accepted: outcomes.created + outcomes.duplicate + outcomes.dead_letter + writtenOff + waiting,
    waiting,
  };
}

/** Messages of processes that finished long ago, which the database has lost since. They are among those that wait. */
export function missingOfFinished(
  { settled }: Pick<LedgerReading, 'settled'>,
  accepted: ReadonlyMap<string, number>,
): number {
  return Math.max(0, (accepted.get(FINISHED) ?? 0) - (settled.get(FINISHED) ?? 0));
}
