import assert from 'node:assert/strict';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import type { Range } from '@lyftr/shared/ranges';
import { createLedger } from './ledger.js';
import { migrate } from '../migrate.js';

function open() {
  const database = new Database(':memory:');
  migrate(database);
  return database;
}

const rangesIn = (database: Database.Database, table: string, producer: string) =>
  database
    .prepare(`SELECT first, last FROM ${table} WHERE producer = ? ORDER BY first`)
    .raw()
    .all(producer) as Range[];
const numbersOf = (ranges: readonly Range[]): number[] =>
  ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));

test('says exactly once that a number is new, in any order, across saves, rollbacks and restarts', () => {
  const batch = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 6 }));
  const step = fc.oneof(
    { weight: 8, arbitrary: batch },
    fc.constant('save' as const),
    fc.constant('rollback' as const),
    fc.constant('restart' as const),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const database = open();
      let ledger = createLedger(database);
      let saved = new Set<number>();
      let noted = new Set<number>();
      for (const action of steps) {
        if (action === 'save') {
          ledger.save();
          saved = new Set(noted);
        } else if (action === 'rollback') {
          ledger.forget();
          noted = new Set(saved);
        } else if (action === 'restart') {
          ledger = createLedger(database);
          noted = new Set(saved);
        } else {
          const range: Range = [action[0], action[0] + action[1]];
          const fresh = numbersOf(ledger.note({ producer: 'p', range }));
          assert.deepEqual(
            fresh,
            numbersOf([range]).filter((number) => !noted.has(number)),
          );
          for (const number of fresh) noted.add(number);
        }
      }
      ledger.save();
      const rows = rangesIn(database, 'ledger_ranges', 'p');
      assert.deepEqual(
        numbersOf(rows),
        [...noted].toSorted((a, b) => a - b),
      );
      // ranges without holes are one row
      rows.slice(1).forEach(([first], i) => assert.ok(first > (rows[i] as Range)[1] + 1));
      database.close();
    }),
  );
});

test('producers do not share numbers', () => {
  const database = open();
  const ledger = createLedger(database);
  assert.deepEqual(ledger.note({ producer: 'a', range: [1, 5] }), [[1, 5]]);
  assert.deepEqual(ledger.note({ producer: 'b', range: [1, 7] }), [[1, 7]]);
  ledger.save();
  assert.deepEqual(rangesIn(database, 'ledger_ranges', 'a'), [[1, 5]]);
  assert.deepEqual(rangesIn(database, 'ledger_ranges', 'b'), [[1, 7]]);
});

test('what was written off and is stored after all is written off no more', () => {
  const database = open();
  const ledger = createLedger(database);
  const writtenOff = () =>
    database.prepare("SELECT value FROM counters WHERE name = 'written_off'").pluck().get();
  ledger.writeOff([{ producer: 'p', ranges: [[1, 10]] }], 3);
  ledger.writeOff([], 2);
  assert.equal(writtenOff(), 15);
  assert.deepEqual(ledger.note({ producer: 'p', range: [4, 12] }), [[4, 12]]);
  assert.deepEqual(ledger.note({ producer: 'p', range: [4, 12] }), []);
  ledger.save();
  assert.equal(writtenOff(), 8);
  assert.deepEqual(rangesIn(database, 'written_off_ranges', 'p'), [[1, 3]]);
  assert.deepEqual(rangesIn(database, 'written_off_ranges', '_unnamed'), [[1, 5]]);
});
