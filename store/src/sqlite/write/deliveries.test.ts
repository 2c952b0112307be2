import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import Database from 'better-sqlite3';
import type { MappedDelivery } from '@lyftr/shared/batch';
import { batch, mapped, NONE, sent, tuple } from '../../contract/subject.js';
import { databaseFile } from '../format.js';
import { temporaryDirectory } from '../testing.js';
import { openWriter } from './writer.js';

function setUp(t: TestContext) {
  const directory = temporaryDirectory();
  const file = databaseFile(directory.path);
  const store = openWriter(file, 'test');
  // proves by a second connection what is committed
  const other = new Database(file);
  t.after(() => {
    other.close();
    store.close();
    directory.remove();
  });
  const rows = (sql: string) => other.prepare(sql).raw().all();
  return { store, other, rows };
}

const of = (id: string, ...times: number[]): MappedDelivery =>
  mapped(sent('shop', { id }), ...times.map((ts) => tuple(`${id}-${ts}`, { ts })));

test('a delivery has the number of its first row, and its rows follow each other', (t) => {
  const { store, rows } = setUp(t);
  store.commit([batch(1, [tuple('1'), of('d-1', 1, 2), tuple('2'), of('d-2', 3), of('d-1', 1, 4)])]);
  assert.deepEqual(rows('SELECT seq, message_id, source, delivery FROM messages ORDER BY seq'), [
    [1, '1', null, null],
    [2, 'd-1-1', 'shop', 2],
    [3, 'd-1-2', 'shop', 2],
    [4, '2', null, null],
    [5, 'd-2-3', 'shop', 5],
    [6, 'd-1-4', 'shop', 6],
  ]);
  assert.deepEqual(rows('SELECT id, delivery_id, messages FROM deliveries'), [
    [2, 'd-1', 2],
    [5, 'd-2', 1],
    [6, 'd-1', 1],
  ]);
});

test('a delivery of which nothing is new is not kept', (t) => {
  const { store, rows } = setUp(t);
  store.commit([batch(1, [of('d-1', 1), of('d-1', 1), { ...of('d-2'), leftovers: [''] }])]);
  assert.deepEqual(rows('SELECT id FROM deliveries'), [[1]]);
});

test('a commit that fails behind its messages leaves nothing, and the same batch can be stored later', (t) => {
  const { store, other, rows } = setUp(t);
  store.commit([batch(1, [of('d-1', 1, 2)])]);
  other.exec('ALTER TABLE deliveries RENAME TO away');
  const waiting = batch(2, [tuple('1'), { ...of('d-2', 3, 4), leftovers: [''] }]);
  assert.throws(() => store.commit([waiting]), /no such table/);
  other.exec('ALTER TABLE away RENAME TO deliveries');
  const before = { ...NONE, created: 2, fanout: 1 };
  assert.deepEqual(store.outcomes(), before);
  assert.deepEqual(rows('SELECT count(*) FROM messages'), [[2]]);
  assert.deepEqual(rows('SELECT count(*) FROM dead_letters'), [[0]]);
  assert.deepEqual(store.commit([waiting]).outcomes, { ...NONE, created: 3, dead_letter: 1, fanout: 2 });
  assert.deepEqual(rows('SELECT id, messages FROM deliveries'), [
    [1, 2],
    [4, 2],
  ]);
  assert.deepEqual(rows("SELECT value FROM counters WHERE name = 'fanout'"), [[3]]);
});

test('retention counts the rows of a delivery down, and removes it at none', (t) => {
  const { store, rows } = setUp(t);
  store.commit([batch(1, [of('d-1', 3, 1, 5), of('d-2', 2)])]);
  const kept = () => rows('SELECT delivery_id, messages FROM deliveries ORDER BY id');
  assert.equal(store.prune(3, 10), 2);
  assert.deepEqual(kept(), [['d-1', 2]]);
  assert.equal(store.prune(5, 10), 1);
  assert.deepEqual(kept(), [['d-1', 1]]);
  assert.equal(store.prune(6, 10), 1);
  assert.deepEqual(kept(), []);
});

test('a step of the retention ends with the message that makes it large, and a body counts once', (t) => {
  const { store } = setUp(t);
  const large = { body: 'x'.repeat(32 * 170_000) };
  const delivery = (id: string, ...times: number[]) => ({
    ...of(id, ...times),
    delivery: sent('shop', { id, ...large }),
  });
  store.commit([batch(1, [delivery('d-1', 1, 2, 3), delivery('d-2', 4), delivery('d-3', 5)])]);
  store.commit([
    batch(
      4,
      Array.from({ length: 30 }, (_, i) => tuple(`${i}`, { ts: 10, text: 'x'.repeat(60_000) })),
    ),
  ]);
  assert.deepEqual(
    Array.from({ length: 9 }, () => store.prune(100, 200)),
    [4, 3, 5, 5, 5, 5, 5, 3, 0],
  );
});
