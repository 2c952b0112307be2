import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import Database from 'better-sqlite3';
import type { Batch, MessageTuple, Numbers, ReadBatch } from '@lyftr/shared/batch';
import { openWriter } from './writer.js';

function temporaryFile(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'lyftr-store-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return join(dir, 'lyftr.db');
}

function setUp(t: TestContext) {
  const file = temporaryFile(t);
  const store = openWriter(file, 'test');
  // proves by a second connection what is committed
  const reader = new Database(file, { readonly: true });
  t.after(() => {
    reader.close();
    store.close();
  });
  const rows = (sql: string) => reader.prepare(sql).raw().all();
  return { file, store, rows };
}

let next = 1;
function batch(...messages: MessageTuple[]): ReadBatch {
  const first = next;
  next += messages.length;
  return { numbers: { producer: 'p', range: [first, next - 1] }, at: Date.now(), items: messages };
}
function corrupt(raw: string, messages = 1): Batch {
  const first = next;
  next += messages;
  return { numbers: { producer: 'p', range: [first, next - 1] }, corrupt: raw, reason: 'damaged' };
}
const message = (id: string, from = 'a', ts = 3_600, text = 'hello'): MessageTuple => [
  id,
  from,
  'b',
  ts,
  text,
];

test('the first delivery of an id wins, within a batch and across batches', (t) => {
  const { store, rows } = setUp(t);
  const { outcomes: first } = store.commit([
    batch(message('1', 'a'), message('1', 'a'), message('2')),
    batch(message('2')),
  ]);
  const { outcomes: second } = store.commit([batch(message('1', 'a'), message('3'))]);
  assert.deepEqual(first, { created: 2, duplicate: 2, dead_letter: 0, conflicting_duplicate: 0, fanout: 0 });
  assert.deepEqual(second, { created: 1, duplicate: 1, dead_letter: 0, conflicting_duplicate: 0, fanout: 0 });
  assert.deepEqual(rows('SELECT message_id, sender FROM messages ORDER BY seq'), [
    ['1', 'a'],
    ['2', 'a'],
    ['3', 'a'],
  ]);
  assert.deepEqual(store.outcomes(), {
    created: 3,
    duplicate: 3,
    dead_letter: 0,
    conflicting_duplicate: 0,
    fanout: 0,
  });
});

test('a batch that comes again is not counted again', (t) => {
  const { store, rows } = setUp(t);
  const again = batch(message('1'), message('2'));
  store.commit([again, again]);
  const { outcomes } = store.commit([again]);
  assert.deepEqual(outcomes, {
    created: 0,
    duplicate: 0,
    dead_letter: 0,
    conflicting_duplicate: 0,
    fanout: 0,
  });
  assert.deepEqual(store.outcomes(), {
    created: 2,
    duplicate: 0,
    dead_letter: 0,
    conflicting_duplicate: 0,
    fanout: 0,
  });
  const { range } = again.numbers as Numbers;
  assert.deepEqual(rows('SELECT first, last FROM ledger_ranges'), [range]);
});

test('of a batch that was stored in part, the rest is stored', (t) => {
  const { store, rows } = setUp(t);
  const whole = batch(message('1'), message('2'), message('3'), message('4'));
  const [first] = (whole.numbers as Numbers).range;
  const part: ReadBatch = {
    ...whole,
    numbers: { producer: 'p', range: [first + 1, first + 2] },
    items: whole.items.slice(1, 3),
  };
  assert.equal(store.commit([part]).outcomes.created, 2);
  assert.deepEqual(store.commit([whole]).outcomes, {
    created: 2,
    duplicate: 0,
    dead_letter: 0,
    conflicting_duplicate: 0,
    fanout: 0,
  });
  assert.deepEqual(rows('SELECT message_id FROM messages ORDER BY seq'), [['2'], ['3'], ['1'], ['4']]);
});

test('a corrupt envelope counts as the messages that its job is named after, once', (t) => {
  const { store, rows } = setUp(t);
  const damaged = corrupt('{"v":', 3);
  assert.equal(store.commit([damaged]).outcomes.dead_letter, 3);
  assert.equal(store.commit([damaged]).outcomes.dead_letter, 0);
  assert.deepEqual(rows('SELECT kind, raw FROM dead_letters'), [['corrupt_envelope', '{"v":']]);
});

test('a batch without numbers, of an older Lyftr, is stored, and its messages are counted as carried over', (t) => {
  const { store, rows } = setUp(t);
  const old: ReadBatch = { numbers: undefined, at: 1, items: [message('1'), message('2')] };
  assert.equal(store.commit([old]).outcomes.created, 2);
  assert.equal(store.commit([old]).outcomes.duplicate, 2);
  assert.deepEqual(rows("SELECT value FROM counters WHERE name = 'carried'"), [[4]]);
  assert.deepEqual(rows('SELECT * FROM ledger_ranges'), []);
});

test('counters and rollups equal the table, and come back after a restart', (t) => {
  const { file, store, rows } = setUp(t);
  store.commit([
    batch(message('1', 'a', 10), message('2', 'b', 3_599), message('3', 'a', 3_600), message('3', 'a')),
  ]);
  assert.deepEqual(rows('SELECT sender, messages FROM sender_rollup'), [
    ['a', 2],
    ['b', 1],
  ]);
  assert.deepEqual(rows('SELECT recipient, messages FROM recipient_rollup'), [['b', 3]]);
  assert.deepEqual(rows('SELECT series, seconds, start, messages FROM buckets'), [
    [0, 60, 0, 1],
    [0, 60, 3_540, 1],
    [0, 60, 3_600, 1],
    [0, 3_600, 0, 2],
    [0, 3_600, 3_600, 1],
    [0, 86_400, 0, 3],
  ]);
  assert.deepEqual(rows("SELECT value FROM counters WHERE name = 'created'"), [[3]]);
  const again = openWriter(file, 'test');
  assert.deepEqual(again.outcomes(), {
    created: 3,
    duplicate: 1,
    dead_letter: 0,
    conflicting_duplicate: 0,
    fanout: 0,
  });
  again.close();
});

test('what cannot be stored because of its content is put aside, and the rest of its batch is stored', (t) => {
  const { store, rows } = setUp(t);
  const broken = ['bad', null, 'b', 1, ''] as unknown as MessageTuple;
  const { outcomes } = store.commit([batch(message('1'), broken, message('2')), corrupt('{"v":"x"}')]);
  assert.deepEqual(outcomes, {
    created: 2,
    duplicate: 0,
    dead_letter: 2,
    conflicting_duplicate: 0,
    fanout: 0,
  });
  assert.deepEqual(rows('SELECT message_id FROM messages ORDER BY seq'), [['1'], ['2']]);
  assert.deepEqual(rows('SELECT raw FROM dead_letters ORDER BY id'), [
    ['["bad",null,"b",1,""]'],
    ['{"v":"x"}'],
  ]);
});

test('a commit that fails stores nothing, and the same batch can be stored later', (t) => {
  const { file, store, rows } = setUp(t);
  const locker = new Database(file);
  locker.exec('BEGIN IMMEDIATE');
  const waiting = batch(message('1'));
  assert.throws(() => store.commit([waiting]), { code: 'SQLITE_BUSY' });
  assert.deepEqual(rows('SELECT count(*) FROM messages'), [[0]]);
  assert.deepEqual(store.outcomes(), {
    created: 0,
    duplicate: 0,
    dead_letter: 0,
    conflicting_duplicate: 0,
    fanout: 0,
  });
  locker.exec('ROLLBACK');
  locker.close();
  assert.equal(store.commit([waiting]).outcomes.created, 1);
  assert.deepEqual(rows('SELECT seq FROM messages'), [[1]]);
});

test('every text comes back as it was', (t) => {
  const { store, rows } = setUp(t);
  const texts = ['', 'a\0b', '😀👩‍👩‍👧', 'שלום مرحبا', 'e\u0301', '%_"\'*', 'x'.repeat(65_536), '\u2028'];
  store.commit([batch(...texts.map((text, i) => message(`t${i}`, 'a', 1, text)))]);
  assert.deepEqual(
    rows('SELECT text FROM messages ORDER BY seq'),
    texts.map((text) => [text]),
  );
});

test('the text index follows in steps and keeps the watermark with it', (t) => {
  const { store, rows } = setUp(t);
  store.commit([batch(...Array.from({ length: 10 }, (_, i) => message(`${i}`, 'a', 1, `Straße ${i}`)))]);
  assert.equal(store.textIndex.lag(), 10);
  assert.equal(store.textIndex.advance(4), 4);
  assert.equal(store.textIndex.lag(), 6);
  assert.deepEqual(rows('SELECT watermark FROM text_index'), [[4]]);
  assert.deepEqual(rows(`SELECT rowid FROM message_text WHERE message_text MATCH '"STRASSE"'`), [
    [1],
    [2],
    [3],
    [4],
  ]);
  assert.equal(store.textIndex.advance(100), 6);
  assert.equal(store.textIndex.advance(100), 0);
  assert.equal(store.textIndex.lag(), 0);
});

test('the text index is marked behind every million characters', (t) => {
  const { store, rows } = setUp(t);
  const long = 'x'.repeat(60_000);
  const messages = Array.from({ length: 40 }, (_, i) => message(`${i}`, 'a', i, i % 2 === 0 ? long : ''));
  store.commit([batch(...messages)]);
  // seventeen long texts are a million, wherever a step ends
  for (const rowsMax of [1, 2, 2]) store.textIndex.advance(rowsMax);
  while (store.textIndex.advance(100) > 0);
  assert.deepEqual(rows('SELECT seq FROM text_marks'), [[33]]);
  assert.deepEqual(rows('SELECT watermark, characters FROM text_index'), [[40, 180_000]]);
});

test('a step of the text index ends with the row that makes it long', (t) => {
  const { store } = setUp(t);
  const long = 'x'.repeat(60_000);
  const messages = Array.from({ length: 7 }, (_, i) => message(`${i}`, 'a', i, i < 5 ? long : ''));
  store.commit([batch(...messages)]);
  assert.deepEqual(
    Array.from({ length: 4 }, () => store.textIndex.advance(100)),
    [2, 2, 3, 0],
  );
});

test('old messages leave table, rollups and text index together, and their number is kept', (t) => {
  const { store, rows } = setUp(t);
  store.commit([
    batch(
      message('old', 'a', 10, 'first Straße'),
      message('older', 'c', 5, ''),
      message('new', 'a', 100, 'second'),
      message('straggler', 'b', 20, 'not indexed'),
    ),
  ]);
  store.textIndex.advance(3);
  assert.equal(store.prune(100, 2), 2);
  assert.equal(store.prune(100, 2), 1);
  assert.equal(store.prune(100, 2), 0);
  assert.deepEqual(rows('SELECT message_id FROM messages'), [['new']]);
  assert.deepEqual(rows('SELECT sender, messages FROM sender_rollup'), [['a', 1]]);
  assert.deepEqual(rows('SELECT recipient, messages FROM recipient_rollup'), [['b', 1]]);
  assert.deepEqual(rows('SELECT series, seconds, start, messages FROM buckets'), [
    [0, 60, 60, 1],
    [0, 3_600, 0, 1],
    [0, 86_400, 0, 1],
  ]);
  assert.deepEqual(rows("SELECT rowid FROM message_text WHERE message_text MATCH 'first OR second'"), []);
  assert.deepEqual(rows(`SELECT term FROM message_trigrams WHERE term >= 'FIR' AND term < 'FIS'`), []);
  assert.deepEqual(rows('SELECT part, messages FROM removals'), [[0, 3]]);
  assert.deepEqual(rows("SELECT value FROM counters WHERE name IN ('created', 'removed') ORDER BY name"), [
    [4],
    [3],
  ]);
  assert.equal(store.outcomes().created, 4);
});

test('a duplicate with another content is counted twice, and kept; one with the same content is not', (t) => {
  const { store, rows } = setUp(t);
  store.commit([batch(message('1', 'a', 5, 'first'))]);
  const { outcomes } = store.commit([batch(message('1', 'a', 5, 'first'), message('1', 'a', 5, 'second'))]);
  assert.deepEqual(outcomes, {
    created: 0,
    duplicate: 2,
    dead_letter: 0,
    conflicting_duplicate: 1,
    fanout: 0,
  });
  assert.deepEqual(rows('SELECT kind, message_id, raw FROM dead_letters'), [
    ['conflicting_duplicate', '1', '["1","a","b",5,"second"]'],
  ]);
  assert.deepEqual(rows('SELECT text FROM messages'), [['first']]);
  assert.equal(store.discard(1), true);
  assert.equal(store.discard(1), false);
  assert.deepEqual(rows('SELECT count(*) FROM dead_letters'), [[0]]);
});

test('a writer that was replaced cannot commit, index or discard', (t) => {
  const { file, store, rows } = setUp(t);
  store.commit([batch(message('1'))]);
  const successor = openWriter(file, 'successor');
  for (const attempt of [
    () => store.commit([batch(message('2'))]),
    () => store.textIndex.advance(10),
    () => store.discard(1),
    () => store.prune(10_000, 10),
  ]) {
    assert.throws(attempt, { name: 'FencedError', message: /successor/ });
  }
  assert.deepEqual(rows('SELECT message_id FROM messages'), [['1']]);
  assert.equal(successor.commit([batch(message('2'))]).outcomes.created, 1);
  successor.close();
});

test('a database of a newer program is refused', (t) => {
  const file = temporaryFile(t);
  const database = new Database(file);
  database.pragma('user_version = 999');
  database.close();
  assert.throws(() => openWriter(file, 'test'), /run a newer version of Lyftr/);
});

test('a commit says what was put aside and which messages are settled', (t) => {
  const { file, store } = setUp(t);
  store.commit([batch(message('1', 'a', 5, 'first'))]);
  const traced: ReadBatch = {
    ...batch(message('0'), message('2'), message('1', 'a', 5, 'second'), message('3')),
    trace: [
      ['ours', 1, 2],
      ['another', 3, 1],
    ],
  };
  const locking = new Database(file);
  locking.exec('BEGIN IMMEDIATE');
  assert.throws(() => store.commit([traced]), { code: 'SQLITE_BUSY' });
  locking.exec('ROLLBACK');
  locking.close();
  const damaged = corrupt('{}');
  const { aside, settled } = store.commit([traced, damaged]);
  assert.deepEqual(settled, [traced.numbers, damaged.numbers]);
  assert.deepEqual(aside, [
    { kind: 'conflicting_duplicate', requestId: 'ours' },
    { kind: 'corrupt_envelope', requestId: undefined },
  ]);
});
