import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { SCHEMA_VERSION } from './format.js';
import { migrate } from './migrate.js';

const MIGRATIONS = new URL('../../migrations/sqlite/', import.meta.url);

/** A database as version `version` left it. */
function databaseOf(version: number): Database.Database {
  const database = new Database(':memory:');
  for (const file of readdirSync(MIGRATIONS).toSorted().slice(0, version))
    database.exec(readFileSync(new URL(file, MIGRATIONS), 'utf8'));
  database.pragma(`user_version = ${version}`);
  return database;
}

test('the text index of a database with schema 5 is kept, and marked', () => {
  const database = databaseOf(5);
  const insert = database.prepare(
    "INSERT INTO messages (seq, message_id, sender, recipient, ts, text) VALUES (?, ?, '', '', 0, ?)",
  );
  const index = database.prepare('INSERT INTO message_text (rowid, folded) VALUES (?, ?)');
  for (let seq = 1; seq <= 50; seq++) {
    insert.run(seq, `${seq}`, 'x'.repeat(50_000));
    if (seq <= 45) index.run(BigInt(seq), `ROW ${seq}\uFFFD\uFFFD`);
  }
  database.exec('UPDATE text_index SET watermark = 45');
  migrate(database);
  const column = (sql: string) => database.prepare(sql).pluck().all();
  assert.deepEqual(column('PRAGMA user_version'), [SCHEMA_VERSION]);
  assert.deepEqual(column('SELECT seq FROM text_marks'), [19, 39, 45]);
  assert.deepEqual(
    column('SELECT rowid FROM message_text WHERE message_text MATCH \'"ROW 4"\''),
    [4, 40, 41, 42, 43, 44, 45],
  );
  assert.deepEqual(column("SELECT doc FROM message_trigrams WHERE term >= '9' LIMIT 2"), [9, 19]);
  database.close();
});

test('the messages of a database with schema 7 came by no source', () => {
  const database = databaseOf(7);
  database.exec(`INSERT INTO messages (message_id, sender, recipient, ts, text) VALUES ('1', 'a', 'b', 7, 'text');
    INSERT INTO dead_letters (kind, reason, raw, received_at) VALUES ('corrupt_envelope', 'why', '{', 5)`);
  migrate(database);
  const rows = (sql: string) => database.prepare(sql).raw().all();
  assert.deepEqual(rows('SELECT message_id, text, source, delivery FROM messages'), [
    ['1', 'text', null, null],
  ]);
  assert.deepEqual(rows('SELECT kind, raw, source, delivery FROM dead_letters'), [
    ['corrupt_envelope', '{', null, null],
  ]);
  assert.deepEqual(rows("SELECT value FROM counters WHERE name = 'fanout'"), [[0]]);
  // the index has no entry for such a message, so storing one costs nothing
  assert.deepEqual(
    rows('SELECT count(*) FROM messages INDEXED BY messages_by_source WHERE source IS NOT NULL'),
    [[0]],
  );
  database.close();
});
