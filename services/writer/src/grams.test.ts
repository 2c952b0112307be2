import assert from 'node:assert/strict';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { fold, gramsOf } from '@lyftr/shared/fold';
import { createGrams, GRAM_STEP_ROWS } from './grams.js';
import { migrate } from './migrate.js';

const text = fc
  .array(fc.constantFrom('a', 'B', 'ß', 'İ', 'σ', '\0', '😀', '\uFFFF', ' ', '漢', '👍🏽'), { maxLength: 8 })
  .map((parts) => parts.join(''));

test('a step counts every gram once a text, and removing takes the same away', () => {
  const database = new Database(':memory:');
  migrate(database);
  const grams = createGrams(database, () => {});
  const insert = database.prepare(
    "INSERT INTO messages (seq, message_id, sender, recipient, ts, text) VALUES (@seq, @seq, '', '', 0, @text)",
  );
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 10 }), fc.nat(9), (texts, removed) => {
      database.exec('DELETE FROM messages; DELETE FROM grams; UPDATE text_index SET grams_watermark = 0');
      // numbers far apart make a step of few rows
      const rows = texts.map((each, i) => ({ seq: (i + 1) * GRAM_STEP_ROWS, text: each }));
      for (const row of rows) insert.run(row);
      grams.follow(texts.length * GRAM_STEP_ROWS);
      const gone = rows.slice(0, removed);
      grams.remove(gone);
      const expected = new Map<string, number>();
      for (const row of rows.slice(removed)) {
        for (const gram of gramsOf(fold(row.text))) expected.set(gram, (expected.get(gram) ?? 0) + 1);
      }
      const kept = database.prepare('SELECT gram, messages FROM grams').raw().all() as [string, number][];
      assert.deepEqual(new Map(kept), expected);
    }),
    { numRuns: 300 },
  );
  database.close();
});

test('few rows wait for more, and rows that wait are not uncounted', () => {
  const database = new Database(':memory:');
  migrate(database);
  const grams = createGrams(database, () => {});
  database.exec(
    "INSERT INTO messages (seq, message_id, sender, recipient, ts, text) VALUES (1, '1', '', '', 0, 'ab')",
  );
  grams.follow(GRAM_STEP_ROWS - 1);
  grams.remove([{ seq: 1, text: 'ab' }]);
  assert.deepEqual(database.prepare('SELECT * FROM grams').all(), []);
  grams.follow(GRAM_STEP_ROWS);
  assert.deepEqual(database.prepare('SELECT gram, messages FROM grams').raw().all(), [
    ['A', 1],
    ['AB', 1],
    ['B', 1],
  ]);
  database.close();
});
