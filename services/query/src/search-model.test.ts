/** Every way of answering, at sizes at which a test can take each, against a brute-force model. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { databaseFile } from '@lyftr/shared/database';
import type { Message } from '@lyftr/shared/message';
import { knownMembers, toFilter } from './messages.js';
import type { Remembered } from './matches.js';
import { search } from './search.js';
import { Store } from './store.js';
import { cases, expected, type Query } from './testing-cases.js';
import { createDatabase, temporaryDirectory, type TestDirectory, type TestWriter } from './testing.js';

let directory: TestDirectory;
let writer: TestWriter;
let store: Store;

before(() => {
  directory = temporaryDirectory();
  writer = createDatabase(directory.path);
  store = new Store(databaseFile(directory.path));
});

after(() => {
  store.close();
  writer.close();
  directory.remove();
});

const tuning = fc.record({
  narrowRows: fc.constantFrom(0, 0, 3, 100),
  hitsMax: fc.constantFrom(0, 2, 100),
  gramHitsMax: fc.constantFrom(0, 2, 100),
  indexChunkRows: fc.integer({ min: 1, max: 20 }),
  scanChunkRows: fc.integer({ min: 1, max: 20 }),
  skipMax: fc.constantFrom(-1, 0, 3),
});
const party = fc.constantFrom('', 'a', 'A', '+1 2');
const scenes = cases.chain((scene) =>
  fc.record({
    ...Object.fromEntries(Object.entries(scene).map(([name, value]) => [name, fc.constant(value)])),
    all: fc.constant(scene.all),
    watermark: fc.constant(scene.watermark),
    grams: fc.integer({ min: 0, max: scene.watermark }),
    queries: fc.constant(scene.queries),
    tuning,
    series: fc.array(fc.tuple(party, party), { maxLength: 4 }),
    /** How many messages are there at the first search, and how many are removed before the last. */
    first: fc.integer({ min: 0, max: scene.all.length }),
    removed: fc.integer({ min: 0, max: 5 }),
  }),
);

/** Removes the oldest, as retention does. */
function removeOldest(all: readonly Message[], rows: number): Message[] {
  const old = expected(all, { order: 'asc', limit: 0, offset: 0 }).slice(0, rows);
  writer.remove(old);
  return all.filter((message) => !old.includes(message));
}

test('answers are those of a model, by every way, and when messages come and go in between', () => {
  const never = { isOver: () => false };
  fc.assert(
    fc.property(scenes, ({ all, watermark, grams, queries, tuning: by, series, first, removed }) => {
      const remembered = new Map<Query, Remembered | undefined>();
      const check = (present: readonly Message[]): void => {
        for (const query of queries) {
          const { order, limit, offset, since, until } = query;
          const iso = (seconds: number | undefined) =>
            seconds === undefined ? undefined : new Date(seconds * 1_000).toISOString();
          const given = { ...query, since: iso(since), until: iso(until) };
          const filter = toFilter(
            Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
          );
          const task = {
            filter,
            page: { order, limit, offset, after: undefined },
            remembered: remembered.get(query),
          };
          const result = search(store, task, never, by);
          remembered.set(query, result.remembered);
          const matches = expected(present, query);
          assert.equal(result.found?.total, matches.length, JSON.stringify(query));
          assert.deepEqual(result.found.rows.map(knownMembers), matches.slice(offset, offset + limit));
          for (const [index, last] of matches.entries()) {
            const page = { order, limit, offset: 0, after: last };
            const behind = search(store, { filter, page, remembered: result.remembered }, never, by);
            assert.deepEqual(
              behind.found?.rows.map(knownMembers),
              matches.slice(index + 1, index + 1 + limit),
            );
          }
        }
      };
      writer.clear();
      writer.insert(all.slice(0, first));
      for (const [sender, recipient] of series) writer.makeSeries(sender, recipient);
      writer.indexUpTo(Math.min(watermark, first), Math.min(grams, first));
      check(all.slice(0, first));
      writer.insert(all.slice(first));
      check(all);
      writer.indexUpTo(watermark, grams);
      check(all);
      const rest = removeOldest(all, removed);
      check(rest);
      check(rest);
    }),
    { numRuns: 400 },
  );
});

test('a limit that is over ends a search, and what was counted is kept', () => {
  writer.clear();
  writer.insert(
    Array.from({ length: 30 }, (_, i) => ({ message_id: `${i}`, from: 'a', to: 'b', ts: i, text: 'needle' })),
  );
  const by = { narrowRows: 0, hitsMax: 0, gramHitsMax: 0, indexChunkRows: 5, scanChunkRows: 5, skipMax: 0 };
  const page = { order: 'asc', limit: 1, offset: 0, after: undefined } as const;
  let task = { filter: toFilter({ q: 'eedl' }), page, remembered: undefined as Remembered | undefined };
  for (let upTo = 5; upTo < 30; upTo += 5) {
    const { found, remembered } = search(store, task, { isOver: () => true }, by);
    assert.equal(found, undefined);
    assert.equal(remembered?.upTo, upTo);
    task = { ...task, remembered };
  }
  assert.equal(search(store, task, { isOver: () => true }, by).found?.total, 30);
});
