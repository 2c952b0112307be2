/**
 * Which messages of which producer have been committed, and which were written off, as ranges of their numbers, so that
 * a batch that comes again (the writer died between COMMIT and the completion of the job) is recognised and not counted
 * again. All that write belong inside a transaction.
 *
 * The ranges of committed messages are kept in memory and written in the transaction that commits the messages. After a
 * rollback `forget()` drops the memory; it is read again from the rows.
 */
import type { Database } from 'better-sqlite3';
import { WRITTEN_OFF } from '../format.js';
import type { Numbers } from '@lyftr/shared/batch';
import { size, subtract, union, type Range } from '@lyftr/shared/ranges';

interface Producer {
  ranges: readonly Range[];
  /** As the rows have them. */
  saved: readonly Range[];
}

export interface Ledger {
  /** Notes the numbers, and returns those of them that are new. */
  note(numbers: Numbers): Range[];
  /** Writes what was noted. */
  save(): void;
  /** Call after a rollback. */
  forget(): void;
  /** Drops the memory of a producer that is not expected to come again. Call outside of a transaction. */
  release(producer: string): void;
  /** `unnamed` are messages of which no number is known. */
  writeOff(lost: readonly { producer: string; ranges: readonly Range[] }[], unnamed: number): void;
}

/** Stands for producers that ended long ago, of which no numbers are known. */
const UNNAMED = '_unnamed';

/** Most often the numbers follow those before. */
function added(ranges: readonly Range[], range: Range): readonly Range[] {
  const last = ranges.at(-1);
  if (last === undefined || range[0] !== last[1] + 1) return union(ranges, [range]);
  return [...ranges.slice(0, -1), [last[0], range[1]]];
}

export function createLedger(database: Database): Ledger {
  function rangesOf(table: 'ledger_ranges' | 'written_off_ranges') {
    const read = database
      .prepare<[string], Range>(`SELECT first, last FROM ${table} WHERE producer = ? ORDER BY first`)
      .raw();
    const write = database.prepare<[string, number, number]>(
      `INSERT INTO ${table} (producer, first, last) VALUES (?, ?, ?)
       ON CONFLICT (producer, first) DO UPDATE SET last = excluded.last`,
    );
    const remove = database.prepare<[string, number]>(
      `DELETE FROM ${table} WHERE producer = ? AND first = ?`,
    );
    return {
      read: (producer: string): Range[] => read.all(producer),
      /** Rows that are the same in both are left alone. */
      replace(producer: string, before: readonly Range[], after: readonly Range[]): void {
        const old = new Map(before);
        for (const [first, last] of after) {
          if (old.get(first) !== last) write.run(producer, first, last);
          old.delete(first);
        }
        for (const first of old.keys()) remove.run(producer, first);
      },
    };
  }
  const committed = rangesOf('ledger_ranges');
  const writtenOff = rangesOf('written_off_ranges');
  const addWrittenOff = database.prepare<[number]>(
    `UPDATE counters SET value = value + ? WHERE name = '${WRITTEN_OFF}'`,
  );

  const known = new Map<string, Producer>();
  const touched = new Set<string>();

  function load(name: string): Producer {
    let producer = known.get(name);
    if (producer === undefined) {
      const ranges = committed.read(name);
      producer = { ranges, saved: ranges };
      known.set(name, producer);
    }
    return producer;
  }

  /** What was written off and comes after all is not written off any more. */
  function takeBack(producer: string, fresh: readonly Range[]): void {
    const before = writtenOff.read(producer);
    if (before.length === 0) return;
    const after = subtract(before, fresh);
    writtenOff.replace(producer, before, after);
    addWrittenOff.run(size(after) - size(before));
  }

  return {
    note({ producer: name, range }) {
      const producer = load(name);
      const fresh = subtract([range], producer.ranges);
      if (fresh.length === 0) return fresh;
      for (const each of fresh) producer.ranges = added(producer.ranges, each);
      touched.add(name);
      takeBack(name, fresh);
      return fresh;
    },
    save() {
      for (const name of touched) {
        const producer = load(name);
        committed.replace(name, producer.saved, producer.ranges);
        producer.saved = producer.ranges;
      }
      touched.clear();
    },
    release: (name) => void known.delete(name),
    forget() {
      known.clear();
      touched.clear();
    },
    writeOff(lost, unnamed) {
      const last = writtenOff.read(UNNAMED).at(-1)?.[1] ?? 0;
      const rest: Range[] = unnamed === 0 ? [] : [[last + 1, last + unnamed]];
      for (const { producer, ranges } of [...lost, { producer: UNNAMED, ranges: rest }]) {
        const before = writtenOff.read(producer);
        writtenOff.replace(producer, before, union(before, ranges));
        addWrittenOff.run(size(ranges));
      }
    },
  };
}
