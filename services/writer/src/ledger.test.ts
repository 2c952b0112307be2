import assert from 'node:assert/strict';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { createLedger } from './ledger.js';
import { migrate } from './migrate.js';

function open() {
  const database = new Database(':memory:');
  migrate(database);
  return database;
}

const ranges = (database: Database.Database, producer: string) =>
  database
    .prepare('SELECT first_seq, last_seq FROM ledger_ranges WHERE producer = ? ORDER BY first_seq')
    .raw()
    .all(producer);

test('says exactly once that a number is new, in any order, across saves, rollbacks and restarts', () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1, max: 40 }) },
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
          assert.equal(ledger.note('p', action, 1), !noted.has(action));
          noted.add(action);
        }
      }
      ledger.save();
      const rows = ranges(database, 'p') as [number, number][];
      const covered = rows.flatMap(([first, last]) =>
        Array.from({ length: last - first + 1 }, (_, i) => first + i),
      );
      assert.deepEqual(
        covered,
        [...noted].toSorted((a, b) => a - b),
      );
      // ranges without holes are one row
      rows.slice(1).forEach(([first], i) => assert.ok(first > (rows[i] as [number, number])[1] + 1));
      const settled = database.prepare('SELECT settled FROM producers').pluck().get() ?? 0;
      assert.equal(settled, noted.size);
      database.close();
    }),
  );
});

test('producers do not share numbers', () => {
  const database = open();
  const ledger = createLedger(database);
  assert.equal(ledger.note('a', 1, 5), true);
  assert.equal(ledger.note('b', 1, 7), true);
  ledger.save();
  assert.deepEqual(database.prepare('SELECT producer, settled FROM producers').raw().all(), [
    ['a', 5],
    ['b', 7],
  ]);
});
