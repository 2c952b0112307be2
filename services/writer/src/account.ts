/**
 * The account of each producer beside its batches: what was settled, what was given up, and who has finished.
 *
 * A producer that has finished leaves Redis, and what it settled goes into the sum of all who have (`FINISHED`), once:
 * its row remembers how much of it is there. The row stays, and so do its ranges. About a hundred bytes for each life
 * of a process is the price at which a batch from an old copy of Redis, or a process that was cut off for days, is known.
 */
import type { Database } from 'better-sqlite3';
import { WRITTEN_OFF } from '@lyftr/shared/database';
import { FINISHED } from '@lyftr/shared/metrics';
import { subtract, type Batches, type Range } from '@lyftr/shared/missing';

/** What Redis says of a producer. */
export interface Claim {
  producer: string;
  /** Messages. */
  accepted: number;
  acknowledged: readonly Range[];
}

/** What of a producer is neither settled nor written off nor in the queue. */
export interface Lost {
  producer: string;
  /** Batches; none for FINISHED, whose batches are not known. */
  ranges: Range[];
  messages: number;
  /** Other batches of it wait in the queue, so `messages` is too high. */
  isQueued: boolean;
  /** Batches are committed of which Redis has not been told yet that they were acknowledged, so `messages` is too low. */
  isAhead: boolean;
}

/** All that write belong inside a transaction. */
export interface Account {
  /** Sums up those of `claims` that are settled to the last batch, and returns them. */
  finish(claims: readonly Claim[]): Claim[];
  /** Sums up everybody but these, whatever Redis says of them. */
  finishOthers(producers: Iterable<string>): void;
  /** Messages that all who finished have settled; and the same with what of it was written off. */
  finished(): { sum: number; settled: number };
  /** Messages settled or written off, of these producers. */
  settledOf(producers: Iterable<string>): { producer: string; settled: number }[];
  /** Of those of `claims` that have lost something. `queued` are the batches in the queue. */
  lost(claims: readonly Claim[], queued: Batches): Lost[];
  writeOff(lost: readonly Lost[]): void;
  /** Call for each new batch: one that was given up and came after all is not given up any more. */
  arrived(producer: string, seq: number, messages: number): void;
}

export function createAccount(database: Database): Account {
  const readRow = database.prepare<[string], { settled: number; finished: number; written_off: number }>(
    'SELECT settled, finished, written_off FROM producers WHERE producer = ?',
  );
  const readCommitted = database
    .prepare<[string], Range>(
      'SELECT first_seq, last_seq FROM ledger_ranges WHERE producer = ? ORDER BY first_seq',
    )
    .raw();
  const readAccounted = database
    .prepare<[string, string], Range>(
      `SELECT first_seq, last_seq FROM ledger_ranges WHERE producer = ?
       UNION ALL SELECT first_seq, last_seq FROM written_off_ranges WHERE producer = ? ORDER BY first_seq`,
    )
    .raw();
  const readSettled = database.prepare<[string], { producer: string; settled: number }>(
    `SELECT producer, settled + written_off AS settled FROM producers
     WHERE producer IN (SELECT value FROM json_each(?))`,
  );
  const markFinished = database.prepare<[string]>(
    'UPDATE producers SET finished = settled WHERE producer = ?',
  );
  const addFinished = database.prepare<[string, number]>(
    `INSERT INTO producers (producer, settled) VALUES (?, ?)
     ON CONFLICT (producer) DO UPDATE SET settled = settled + excluded.settled`,
  );
  const others = `producer <> '${FINISHED}' AND producer NOT IN (SELECT value FROM json_each(?))`;
  const sumOthers = database
    .prepare<[string], number>(`SELECT coalesce(sum(settled - finished), 0) FROM producers WHERE ${others}`)
    .pluck();
  const markOthers = database.prepare<[string]>(`UPDATE producers SET finished = settled WHERE ${others}`);
  const readWrittenOff = database
    .prepare<[string, number, number], number>(
      'SELECT 1 FROM written_off_ranges WHERE producer = ? AND first_seq <= ? AND last_seq >= ?',
    )
    .pluck();
  const addRange = database.prepare<[string, number, number]>(
    'INSERT INTO written_off_ranges (producer, first_seq, last_seq) VALUES (?, ?, ?)',
  );
  const addWrittenOff = database.prepare<[string, number]>(
    `INSERT INTO producers (producer, settled, written_off) VALUES (?, 0, ?)
     ON CONFLICT (producer) DO UPDATE SET written_off = written_off + excluded.written_off`,
  );
  const addToTotal = database.prepare<[number]>(
    `UPDATE counters SET value = value + ? WHERE name = '${WRITTEN_OFF}'`,
  );

  const rowOf = (producer: string) => readRow.get(producer) ?? { settled: 0, finished: 0, written_off: 0 };
  const missingOf = ({ producer, acknowledged }: Claim): Range[] =>
    subtract(acknowledged, readAccounted.all(producer, producer));
  const waitingOf = ({ producer, accepted }: Claim): number => {
    const { settled, written_off } = rowOf(producer);
    return Math.max(0, accepted - settled - written_off);
  };

  function changeWrittenOff(producer: string, messages: number): void {
    if (messages === 0) return;
    addWrittenOff.run(producer, messages);
    addToTotal.run(messages);
  }

  return {
    finish(claims) {
      const finished = claims.filter((claim) => waitingOf(claim) === 0 && missingOf(claim).length === 0);
      let growth = 0;
      for (const { producer } of finished) {
        const row = rowOf(producer);
        growth += row.settled - row.finished;
        markFinished.run(producer);
      }
      if (growth > 0) addFinished.run(FINISHED, growth);
      return finished;
    },
    finishOthers(producers) {
      const kept = JSON.stringify([...producers]);
      const growth = sumOthers.get(kept) as number;
      markOthers.run(kept);
      if (growth > 0) addFinished.run(FINISHED, growth);
    },
    finished() {
      const { settled, written_off } = rowOf(FINISHED);
      return { sum: settled, settled: settled + written_off };
    },
    settledOf: (producers) => readSettled.all(JSON.stringify([...producers])),
    lost: (claims, queued) =>
      claims
        .map((claim): Lost => {
          const { producer, acknowledged } = claim;
          const inQueue = queued.get(producer);
          const ranges = subtract(missingOf(claim), inQueue ?? []);
          return {
            producer,
            ranges,
            messages: waitingOf(claim),
            isQueued: inQueue !== undefined,
            isAhead: subtract(readCommitted.all(producer), acknowledged).length > 0,
          };
        })
        // what waits while there are jobs is on its way
        .filter(({ ranges, messages, isQueued }) => ranges.length > 0 || (messages > 0 && !isQueued)),
    writeOff(lost) {
      for (const { producer, ranges, messages } of lost) {
        for (const [first, last] of ranges) addRange.run(producer, first, last);
        changeWrittenOff(producer, messages);
      }
    },
    arrived(producer, seq, messages) {
      if (readWrittenOff.get(producer, seq, seq) === undefined) return;
      changeWrittenOff(producer, -Math.min(messages, rowOf(producer).written_off));
    },
  };
}
