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
import { countBatches, subtract, type Range } from '@lyftr/shared/missing';

/** What Redis says of a producer. */
export interface Claim {
  producer: string;
  /** Messages. */
  accepted: number;
  acknowledged: readonly Range[];
}

export interface WrittenOff {
  producer: string;
  batches: number;
  messages: number;
}

/** All that write belong inside a transaction. */
export interface Account {
  /** Sums up those of `claims` that are settled to the last batch, and returns them. */
  finish(claims: readonly Claim[]): Claim[];
  /** Sums up everybody but these, whatever Redis says of them. */
  finishOthers(producers: Iterable<string>): void;
  /** Messages that all who finished have settled. */
  finished(): number;
  /** Messages settled or written off, of these producers. */
  settledOf(producers: Iterable<string>): { producer: string; settled: number }[];
  /** True when there are committed batches of which Redis does not know yet that they were acknowledged. */
  isAheadOf(claim: Claim): boolean;
  /** Gives up what is missing; returns those of `claims` that missed something. */
  writeOff(claims: readonly Claim[]): WrittenOff[];
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
    finished: () => rowOf(FINISHED).settled,
    settledOf: (producers) => readSettled.all(JSON.stringify([...producers])),
    isAheadOf: ({ producer, acknowledged }) => subtract(readCommitted.all(producer), acknowledged).length > 0,
    writeOff(claims) {
      const writtenOff: WrittenOff[] = [];
      for (const claim of claims) {
        const { producer } = claim;
        const missing = missingOf(claim);
        const messages = waitingOf(claim);
        if (missing.length === 0 && messages === 0) continue;
        for (const [first, last] of missing) addRange.run(producer, first, last);
        changeWrittenOff(producer, messages);
        writtenOff.push({ producer, batches: countBatches(new Map([[producer, missing]])), messages });
      }
      return writtenOff;
    },
    arrived(producer, seq, messages) {
      if (readWrittenOff.get(producer, seq, seq) === undefined) return;
      changeWrittenOff(producer, -Math.min(messages, rowOf(producer).written_off));
    },
  };
}
