import assert from 'node:assert/strict';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { fold } from '@lyftr/store/sqlite/fold';
import { createDataset } from '../dataset/messages.js';
import { createNeedles } from './needles.js';
import { isFoldedAlike, requireSame, requireSameStats } from './same.js';

test('for a needle that is folded alike, LIKE and fold find the same', () => {
  const database = new Database(':memory:');
  const like = database
    .prepare<[string, string], number>(String.raw`SELECT ? LIKE '%' || ? || '%' ESCAPE '\'`)
    .pluck();
  const dataset = createDataset({ messages: 500, seed: 3 });
  const texts = Array.from({ length: 500 }, (_, index) => dataset.message(index).text);
  texts.push('Straße', 'ISTANBUL', 'ışık', '300 K', 'ſ');
  const random = createNeedles(dataset, 0);
  const needles = ['s', 'k', 'I', 'ü', ...Array.from({ length: 300 }, () => random.next('short') as string)];
  let alike = 0;
  for (const needle of needles) {
    if (!isFoldedAlike(needle)) continue;
    alike++;
    const pattern = needle.replaceAll(/[\\%_]/g, String.raw`\$&`);
    for (const text of texts) {
      assert.equal(like.get(text, pattern) === 1, fold(text).includes(fold(needle)), `${needle} in ${text}`);
    }
  }
  assert.ok(alike > 100 && alike < needles.length);
  database.close();
});

test('another total, another page or another order is refused', () => {
  const query = { order: 'asc', offset: 0 } as const;
  const right = { total: 2, ids: ['a', 'b'] };
  requireSame(query, right, { total: 2, ids: ['a', 'b'] });
  for (const wrong of [
    { total: 3, ids: ['a', 'b'] },
    { total: 2, ids: ['b', 'a'] },
    { total: 2, ids: ['a'] },
  ]) {
    assert.throws(() => requireSame(query, wrong, right), /wrong answer to \/messages/);
  }
  const stats = { total: 2, senders: 1, top: [['x', 2]] as [string, number][] };
  requireSameStats(stats, { ...stats });
  assert.throws(() => requireSameStats({ ...stats, top: [['x', 1]] }, stats), /wrong/);
});

test('needles are what their kind says, and none comes twice', () => {
  const dataset = createDataset({ messages: 2_000, seed: 3 });
  const texts = Array.from({ length: 2_000 }, (_, index) => fold(dataset.message(index).text));
  const matches = (needle: string) => texts.filter((text) => text.includes(fold(needle))).length;
  const needles = createNeedles(dataset, 0, ['the']);
  const seen = new Set(['THE']);
  for (const [kind, low, high] of [
    ['common', 150, 2_000],
    ['rare', 1, 10],
    ['absent', 0, 0],
    ['short', 1, 2_000],
    ['phrase', 1, 2_000],
  ] as const) {
    for (let i = 0; i < 40; i++) {
      const needle = needles.next(kind) as string;
      assert.ok(!seen.has(fold(needle)), needle);
      seen.add(fold(needle));
      const count = matches(needle);
      assert.ok(count >= low && count <= high, `${kind} ${needle}: ${count}`);
    }
  }
});
