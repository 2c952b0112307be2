/** Every way of answering, at sizes at which a test can take each, against a brute-force model. */
import assert from 'node:assert/strict';
import { renameSync, rmSync } from 'node:fs';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { databaseFile } from '../format.js';
import type { StoredMessage } from '../../store.js';
import { countOf, type Remembered } from './remembered.js';
import { search, type SearchResult, type SearchTask } from './search.js';
import { Snapshots } from './snapshots.js';
import { cases, expected, type Query } from '../../contract/cases.js';
import {
  createDatabase,
  temporaryDirectory,
  type TestDirectory,
  type TestMessage,
  type TestWriter,
  selecting,
} from '../testing.js';
import type { Tuning } from './tuning.js';

let directory: TestDirectory;
let writer: TestWriter;
let store: Snapshots;

before(() => {
  directory = temporaryDirectory();
  writer = createDatabase(directory.path);
  store = new Snapshots(databaseFile(directory.path));
});

after(() => {
  store.close();
  writer.close();
  directory.remove();
});

const tuning = fc.record({
  narrowRows: fc.constantFrom(0, 0, 3, 100),
  hitsMax: fc.constantFrom(0, 2, 100),
  trigramsMax: fc.constantFrom(0, 2, 100),
  indexChunkMarks: fc.integer({ min: 1, max: 20 }),
  scanChunkRows: fc.integer({ min: 1, max: 20 }),
  skipMax: fc.constantFrom(-1, 0, 3),
});
/** Every bound is small. */
const SMALL: Tuning = {
  narrowRows: 0,
  hitsMax: 0,
  trigramsMax: 0,
  indexChunkMarks: 5,
  scanChunkRows: 5,
  skipMax: 0,
};
const party = fc.constantFrom('', 'a', 'A', '+1 2');
const known = ({ message_id, from, to, ts, text, source }: StoredMessage): TestMessage => ({
  message_id,
  from,
  to,
  ts,
  text,
  source: source ?? undefined,
});

const scenes = cases.chain((scene) =>
  fc.record({
    ...Object.fromEntries(Object.entries(scene).map(([name, value]) => [name, fc.constant(value)])),
    all: fc.constant(scene.all),
    watermark: fc.constant(scene.watermark),
    queries: fc.constant(scene.queries),
    tuning,
    /** A turn ends at each so many looks at the clock. */
    looks: fc.integer({ min: 1, max: 4 }),
    series: fc.array(fc.tuple(party, party), { maxLength: 4 }),
    /** How many messages are there at the first search, and how many are removed before the last. */
    first: fc.integer({ min: 0, max: scene.all.length }),
    removed: fc.integer({ min: 0, max: 5 }),
  }),
);

/** Removes the oldest, as retention does. */
function removeOldest(all: readonly TestMessage[], rows: number): TestMessage[] {
  const old = expected(all, { order: 'asc', limit: 0, offset: 0 }).slice(0, rows);
  writer.remove(old);
  return all.filter((message) => !old.includes(message));
}

/** Searches to the end, or for one turn. */
function searchNow(
  task: SearchTask,
  by: Tuning,
  { goesOn = true, looks = 1, from = store } = {},
): SearchResult {
  let looked = 0;
  const turns = search(from, task, { isOver: () => ++looked % looks === 0 }, by);
  let step = turns.next(true);
  while (step.done !== true) step = turns.next(goesOn);
  return step.value;
}

test('answers are those of a model, by every way, and when messages come and go in between', () => {
  fc.assert(
    fc.property(scenes, ({ all, watermark, queries, tuning: by, looks, series, first, removed }) => {
      const remembered = new Map<Query, Remembered | undefined>();
      const check = (present: readonly TestMessage[]): void => {
        for (const query of queries) {
          const { order, limit, offset, ...given } = query;
          const filter = selecting(given);
          const task = {
            filter,
            page: { order, limit, offset, after: undefined },
            remembered: remembered.get(query),
          };
          const result = searchNow(task, by, { looks });
          remembered.set(query, result.remembered);
          const matches = expected(present, query);
          assert.equal(result.found?.total, matches.length, JSON.stringify(query));
          assert.deepEqual(result.found.messages.map(known), matches.slice(offset, offset + limit));
          for (const [index, last] of matches.entries()) {
            const page = { order, limit, offset: 0, after: last };
            const behind = searchNow({ filter, page, remembered: result.remembered }, by, { looks });
            assert.deepEqual(behind.found?.messages.map(known), matches.slice(index + 1, index + 1 + limit));
          }
        }
      };
      writer.clear();
      writer.insert(all.slice(0, first));
      for (const [sender, recipient] of series) writer.makeSeries(sender, recipient);
      writer.indexUpTo(Math.min(watermark, first));
      check(all.slice(0, first));
      writer.insert(all.slice(first));
      check(all);
      writer.indexUpTo(watermark);
      check(all);
      const rest = removeOldest(all, removed);
      check(rest);
      check(rest);
    }),
    { numRuns: 400 },
  );
});

test('one and two characters are found whatever follows them', () => {
  const ends = ['', '\0', '\u{10FFFF}', '\uFFFD', '\u{10FFFF}\u{10FFFF}', 'y', '😀'];
  writer.clear();
  writer.insert(ends.map((end, ts) => ({ message_id: `${ts}`, from: 'a', to: 'b', ts, text: `aqz${end}` })));
  writer.indexUpTo(ends.length);
  const page = { order: 'asc', limit: 10, offset: 0, after: undefined } as const;
  for (const q of ['z', 'qz', 'Q', 'aq'])
    for (const trigramsMax of [0, 100]) {
      const by = { ...SMALL, scanChunkRows: 2, trigramsMax };
      const { found } = searchNow({ filter: selecting({ q }), page, remembered: undefined }, by);
      assert.equal(found?.total, ends.length, q);
    }
});

test('a limit that is over ends a search, and what was counted is kept', () => {
  writer.clear();
  writer.insert(
    Array.from({ length: 30 }, (_, i) => ({ message_id: `${i}`, from: 'a', to: 'b', ts: i, text: 'needle' })),
  );
  const page = { order: 'asc', limit: 1, offset: 0, after: undefined } as const;
  let task = { filter: selecting({ q: 'eedl' }), page, remembered: undefined as Remembered | undefined };
  for (let upTo = 5; upTo <= 30; upTo += 5) {
    const { found, remembered } = searchNow(task, SMALL, { goesOn: false });
    assert.equal(found, undefined);
    assert.ok(remembered !== undefined);
    assert.equal(countOf(remembered), upTo);
    task = { ...task, remembered };
  }
  assert.equal(searchNow(task, SMALL).found?.total, 30);
});

test('the messages of a source are counted once in a search, whatever the number of its turns', () => {
  writer.clear();
  writer.insert(
    Array.from({ length: 40 }, (_, ts) => ({
      message_id: `${ts}`,
      from: 'a',
      to: 'b',
      ts,
      text: 'needle',
      source: 'shop',
    })),
  );
  let snapshots = 0;
  const statements: string[] = [];
  class Watched extends Snapshots {
    override snapshot(...limit: Parameters<Snapshots['snapshot']>) {
      const snapshot = super.snapshot(...limit);
      const { reader } = snapshot;
      snapshots++;
      const get: typeof reader.get = (sql, parameters) => {
        statements.push(sql);
        return reader.get(sql, parameters);
      };
      return { ...snapshot, reader: { ...reader, get } };
    }
  }
  const own = new Watched(store.file);
  const page = { order: 'asc', limit: 10, offset: 0, after: undefined } as const;
  const filter = { ...selecting({ q: 'eedl' }), source: 'shop' };
  const { found } = searchNow({ filter, page, remembered: undefined }, SMALL, { from: own });
  own.close();
  assert.equal(found?.total, 40);
  assert.ok(snapshots > 3, String(snapshots));
  assert.equal(statements.filter((sql) => sql.includes('messages_by_source')).length, 1);
});

test('a search can be ended at every long text, whatever its way', () => {
  const texts = 20;
  const page = { order: 'asc', limit: texts, offset: 0, after: undefined } as const;
  const task = { filter: selecting({ q: 'eedl' }), page, remembered: undefined };
  const wide = { ...SMALL, scanChunkRows: 1_000, indexChunkMarks: 1 };
  const ways: [string, Tuning, number][] = [
    ['narrow', { ...wide, narrowRows: 1_000 }, 0],
    ['scan, then a walk', wide, 0],
    ['index, then a walk', { ...wide, scanChunkRows: 2 }, texts],
    ['hits', { ...wide, hitsMax: texts }, 0],
  ];
  for (const [name, by, watermark] of ways) {
    writer.clear();
    writer.insert(
      Array.from({ length: texts }, (_, ts) => ({
        message_id: `${ts}`,
        from: 'a',
        to: 'b',
        ts,
        text: `needle ${'x'.repeat(5_000)}`,
      })),
    );
    writer.indexUpTo(watermark);
    const turns = search(store, task, { isOver: () => true }, by);
    let pauses = 0;
    let step = turns.next(true);
    for (; step.done !== true; pauses++) step = turns.next(true);
    assert.equal(step.value.found?.total, texts, name);
    assert.ok(pauses >= texts - 1, `${name}: ${pauses}`);
    assert.equal(searchNow(task, by, { goesOn: false }).found, undefined, name);
  }
});

/** Inserts messages whose numbers of rows are far apart. */
function insertAt(seqs: readonly number[]): void {
  writer.clear();
  writer.insert(seqs.map((ts) => ({ message_id: `${ts}`, from: 'a', to: 'b', ts, text: 'needle' })));
  const move = writer.database.prepare('UPDATE messages SET seq = ? WHERE message_id = ?');
  for (const seq of seqs.toReversed()) move.run(seq, `${seq}`);
}

test('a message that retention removes costs a search what it counted nearby, and nothing else', () => {
  const seqs = [1, 2, 70_000, 70_001, 140_000];
  for (const hitsMax of [0, 10]) {
    insertAt(seqs);
    const by = { ...SMALL, scanChunkRows: 50_000, hitsMax };
    const page = { order: 'asc', limit: 10, offset: 0, after: undefined } as const;
    const task = { filter: selecting({ q: 'eedl' }), page, remembered: undefined };
    const turns = search(store, task, { isOver: () => true }, by);
    turns.next(true);
    turns.next(true);
    writer.remove([{ message_id: '70000', from: 'a', to: 'b', ts: 70_000, text: 'needle' }]);
    // the second of three chunks once more
    turns.next(true);
    const { value } = turns.next(false);
    const { remembered } = value as SearchResult;
    assert.deepEqual(
      remembered?.stretches.map(({ first, last, count }) => [first, last, count]),
      [
        [1, 50_000, 2],
        [50_001, 100_000, 1],
      ],
    );
    const { found } = searchNow({ ...task, remembered }, by);
    assert.deepEqual(
      [found?.total, found?.messages.map(({ message_id }) => message_id)],
      [4, ['1', '2', '70001', '140000']],
    );
  }
});

test('what is remembered of one database is not said of another one that has taken its place', (t) => {
  const page = { order: 'asc', limit: 1, offset: 0, after: undefined } as const;
  const task = { filter: selecting({ q: 'eedl' }), page, remembered: undefined };
  const make = (text: string, life: string) => {
    const made = temporaryDirectory();
    t.after(() => made.remove());
    const owner = createDatabase(made.path);
    owner.insert([1, 2].map((ts) => ({ message_id: `${ts}`, from: 'a', to: 'b', ts, text })));
    owner.database.prepare('UPDATE writer_epoch SET epoch = 1, instance = ?').run(life);
    owner.close();
    return databaseFile(made.path);
  };
  const file = make('needle', 'one life');
  const own = new Snapshots(file);
  t.after(() => own.close());
  const { remembered, found } = searchNow(task, SMALL, { from: own });
  assert.equal(found?.total, 2);
  const other = make('none', 'another life');
  for (const end of ['-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
  renameSync(other, file);
  assert.equal(searchNow({ ...task, remembered }, SMALL, { from: own }).found?.total, 0);
});
