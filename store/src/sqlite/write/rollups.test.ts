import assert from 'node:assert/strict';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { COUNTED_BUCKETS } from '../format.js';
import { migrate } from '../migrate.js';
import { createRollups } from './rollups.js';

const SERIES_MIN = 3;

const party = fc.constantFrom('a', 'b', 'c');
const message = fc.record({
  sender: party,
  recipient: party,
  // around the edges of minutes, hours and days
  ts: fc
    .tuple(fc.constantFrom(0, 60, 3_600, 86_400, 90_000), fc.integer({ min: -1, max: 1 }))
    .map(([start, second]) => Math.max(0, start + second)),
});
const steps = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        add: fc.array(message, { minLength: 1, maxLength: 6 }),
        rollback: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ remove: fc.integer({ min: 1, max: 5 }), rollback: fc.boolean() }) },
  ),
  { maxLength: 12 },
);

class Undo extends Error {}

test('whatever is added, removed or rolled back, rollups and buckets are what the rows say', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const database = new Database(':memory:');
      migrate(database);
      const rollups = createRollups(database, { seriesMessagesMin: SERIES_MIN });
      const insert = database.prepare(
        `INSERT INTO messages (message_id, sender, recipient, ts, text) VALUES (?, @sender, @recipient, @ts, '')`,
      );
      let id = 0;
      for (const step of all) {
        const transaction = database.transaction(() => {
          if ('add' in step) {
            for (const row of step.add) insert.run(String(id++), row);
            rollups.add(step.add);
          } else {
            const rows = database
              .prepare<[number], { seq: number; sender: string; recipient: string; ts: number }>(
                'SELECT seq, sender, recipient, ts FROM messages ORDER BY ts LIMIT ?',
              )
              .all(step.remove);
            for (const { seq } of rows) database.prepare('DELETE FROM messages WHERE seq = ?').run(seq);
            rollups.remove(rows);
          }
          if (step.rollback) throw new Undo();
        });
        try {
          transaction();
        } catch (error) {
          if (!(error instanceof Undo)) throw error;
          rollups.forget();
        }
        const rows = (sql: string) => database.prepare(sql).raw().all();
        for (const name of ['sender', 'recipient']) {
          assert.deepEqual(
            rows(`SELECT ${name}, messages FROM ${name}_rollup ORDER BY 1`),
            rows(`SELECT ${name}, count(*) FROM messages GROUP BY 1 ORDER BY 1`),
          );
        }
        assert.deepEqual(
          rows('SELECT series, seconds, start, messages FROM buckets ORDER BY 1, 2, 3'),
          rows(`SELECT * FROM (${COUNTED_BUCKETS}) ORDER BY 1, 2, 3`),
        );
        // a filter without a series is counted: that must be few rows
        for (const name of ['sender', 'recipient']) {
          const series = name === 'sender' ? `(${name}, '')` : `('', ${name})`;
          assert.deepEqual(
            rows(
              `SELECT ${name} FROM ${name}_rollup WHERE messages >= ${SERIES_MIN}
               AND ${series} NOT IN (SELECT sender, recipient FROM series)`,
            ),
            [],
          );
        }
        assert.deepEqual(
          rows(
            `SELECT m.sender, m.recipient FROM messages AS m
             JOIN series AS a ON a.sender = m.sender AND a.recipient = ''
             JOIN series AS b ON b.sender = '' AND b.recipient = m.recipient
             WHERE (m.sender, m.recipient) NOT IN (SELECT sender, recipient FROM series)`,
          ),
          [],
        );
      }
      database.close();
    }),
    { numRuns: 200 },
  );
});
