/**
 * Which batches of which producer have been committed, as ranges of sequence numbers, so that a batch that comes
 * again (the writer died between COMMIT and the completion of the job) is recognised and not counted again.
 *
 * Ranges are kept in memory per producer and written in the transaction that commits the batches. After a rollback
 * `forget()` drops the memory; it is read again from the rows.
 */
import type { Database } from 'better-sqlite3';

interface Range {
  first: number;
  last: number;
}

interface Producer {
  /** Ordered, apart by at least one number. */
  ranges: Range[];
  changed: Set<Range>;
  /** `first` of ranges that were merged into another. */
  removed: Set<number>;
  settled: number;
}

export interface Ledger {
  /** True when the batch is new, and now noted; false when it has been committed before. */
  note(producer: string, seq: number, messages: number): boolean;
  /** Writes what was noted. Call inside the transaction. */
  save(): void;
  /** Call after a rollback. */
  forget(): void;
  /** Drops the memory of a producer that is not expected to come again. Call outside of a transaction. */
  release(producer: string): void;
}

/** Index of the last range that begins at or before `seq`, or -1. */
function rangeBefore(ranges: readonly Range[], seq: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle] as Range).first <= seq) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function add(producer: Producer, seq: number): boolean {
  const { ranges, changed, removed } = producer;
  const index = rangeBefore(ranges, seq);
  const before = ranges[index];
  const after = ranges[index + 1];
  if (before !== undefined && seq <= before.last) return false;
  if (before !== undefined && before.last + 1 === seq) {
    before.last = seq;
    changed.add(before);
    if (after !== undefined && after.first === seq + 1) {
      before.last = after.last;
      ranges.splice(index + 1, 1);
      changed.delete(after);
      removed.add(after.first);
    }
    return true;
  }
  if (after !== undefined && after.first === seq + 1) {
    removed.add(after.first);
    after.first = seq;
    removed.delete(seq);
    changed.add(after);
    return true;
  }
  const fresh = { first: seq, last: seq };
  ranges.splice(index + 1, 0, fresh);
  removed.delete(seq);
  changed.add(fresh);
  return true;
}

export function createLedger(database: Database): Ledger {
  const readRanges = database.prepare<[string], Range>(
    'SELECT first_seq AS first, last_seq AS last FROM ledger_ranges WHERE producer = ? ORDER BY first_seq',
  );
  const writeRange = database.prepare<[string, number, number]>(
    `INSERT INTO ledger_ranges (producer, first_seq, last_seq) VALUES (?, ?, ?)
     ON CONFLICT (producer, first_seq) DO UPDATE SET last_seq = excluded.last_seq`,
  );
  const removeRange = database.prepare<[string, number]>(
    'DELETE FROM ledger_ranges WHERE producer = ? AND first_seq = ?',
  );
  const addSettled = database.prepare<[string, number]>(
    `INSERT INTO producers (producer, settled) VALUES (?, ?)
     ON CONFLICT (producer) DO UPDATE SET settled = settled + excluded.settled`,
  );

  const known = new Map<string, Producer>();
  const touched = new Set<string>();

  function load(name: string): Producer {
    let producer = known.get(name);
    if (producer === undefined) {
      producer = { ranges: readRanges.all(name), changed: new Set(), removed: new Set(), settled: 0 };
      known.set(name, producer);
    }
    return producer;
  }

  return {
    note(name, seq, messages) {
      const producer = load(name);
      if (!add(producer, seq)) return false;
      producer.settled += messages;
      touched.add(name);
      return true;
    },
    save() {
      for (const name of touched) {
        const producer = load(name);
        for (const first of producer.removed) removeRange.run(name, first);
        for (const range of producer.changed) writeRange.run(name, range.first, range.last);
        addSettled.run(name, producer.settled);
        producer.removed.clear();
        producer.changed.clear();
        producer.settled = 0;
      }
      touched.clear();
    },
    release: (name) => void known.delete(name),
    forget() {
      known.clear();
      touched.clear();
    },
  };
}
