/**
 * Keeps the committed and the written-off messages of each producer as ranges of numbers. A batch that arrives again
 * (because the writer died between COMMIT and the completion of the job) is recognised and not counted twice. Call
 * all methods that write inside a transaction.
 *
 * The committed ranges are cached in memory and written in the transaction that commits the messages. After a
 * rollback, `forget()` discards the cache, and the ranges are read from the rows again.
 */
import type { Database } from 'better-sqlite3';
import { WRITTEN_OFF } from '../format.js';
import type { Numbers } from '@lyftr/shared/batch';
import { size, subtract, union, type Range } from '@lyftr/shared/ranges';

interface Producer {
  ranges: readonly Range[];
  /** As stored in the rows. */
  saved: readonly Range[];
}

export interface Ledger {
  /** Adds the numbers and returns the new ones among them. */
  note(numbers: Numbers): Range[];
  /** Writes the added numbers. */
  save(): void;
  /** Call it after a rollback. */
  forget(): void;
  /** Removes a producer that has ended from the cache. Call it outside of a transaction. */
  release(producer: string): void;
  /** `unnamed` is the number of messages whose numbers are unknown. */
  writeOff(lost: readonly { producer: string; ranges: readonly Range[] }[], unnamed: number): void;
}

/** Stands for producers that are no longer listed. Their numbers are unknown. */
const UNNAMED = '_unnamed';

/** Adds a range. It usually follows the last one. */
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
      /** Leaves unchanged rows alone. */
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

  /** Removes numbers that are stored now from the written-off ranges. */
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
