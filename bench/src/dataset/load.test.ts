import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Database from 'better-sqlite3';
import { databaseFile } from '@lyftr/store/sqlite/format';
import { fold } from '@lyftr/store/sqlite/fold';
import { ensurePlain, openPlain } from '../peers/plain.js';
import type { Query } from '../search/query.js';
import { ensureDataset } from './load.js';
import { createDataset } from './messages.js';

const SHAPE = { messages: 3_100, seed: 5 };
const dir = mkdtempSync(join(tmpdir(), 'lyftr-dataset-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const progress = { sent: () => {}, indexing: () => {} };
const dataset = createDataset(SHAPE);
const all = Array.from({ length: SHAPE.messages }, (_, index) => dataset.message(index));

function figures(): unknown {
  const database = new Database(databaseFile(dir), { readonly: true });
  const row = database
    .prepare(
      `SELECT count(*), count(extra), (SELECT watermark = max(seq) FROM text_index),
         (SELECT value FROM counters WHERE name = 'duplicate') FROM messages`,
    )
    .raw()
    .get();
  database.close();
  return row;
}

test('a folder is filled through the pipeline, kept when it is full, completed when it is not', async () => {
  const withExtra = all.filter((message) => 'channel' in message).length;
  assert.equal(await ensureDataset(dir, SHAPE, progress), 'made');
  assert.deepEqual(figures(), [SHAPE.messages, withExtra, 1, 0]);
  assert.equal(await ensureDataset(dir, SHAPE, progress), 'there already');

  writeFileSync(join(dir, 'dataset.json'), JSON.stringify({ format: 1, ...SHAPE, complete: false }));
  assert.equal(await ensureDataset(dir, SHAPE, progress), 'made');
  assert.deepEqual(figures(), [SHAPE.messages, withExtra, 1, SHAPE.messages]);
});

test('a folder that holds something else is refused', async () => {
  await assert.rejects(ensureDataset(dir, { ...SHAPE, seed: 6 }, progress), /holds 3100 messages of seed 5/);
  rmSync(join(dir, 'dataset.json'));
  await assert.rejects(ensureDataset(dir, SHAPE, progress), /no data set/);
});

test('the peer has the same messages, and finds what a walk through all of them finds', () => {
  const plain = openPlain(ensurePlain(dir));
  const middle = all[SHAPE.messages / 2]?.ts as number;
  const from = all[0]?.from as string;
  const queries: Query[] = [
    { order: 'asc', offset: 0 },
    { order: 'desc', offset: 100, from, since: middle },
    { order: 'asc', offset: 20, to: all[1]?.to as string, until: middle },
    { order: 'desc', offset: 0, q: 'the ' },
    { order: 'asc', offset: 0, q: '#ord-0' },
    { order: 'asc', offset: 0, q: '100%_' },
  ];
  for (const query of queries) {
    const matching = all
      .filter(
        ({ from: sender, to, ts, text }) =>
          (query.from === undefined || query.from === sender) &&
          (query.to === undefined || query.to === to) &&
          (query.since === undefined || ts >= query.since) &&
          (query.until === undefined || ts < query.until) &&
          (query.q === undefined || fold(text).includes(fold(query.q))),
      )
      .toSorted((a, b) => a.ts - b.ts || (a.message_id < b.message_id ? -1 : 1));
    if (query.order === 'desc') matching.reverse();
    const ids = matching.slice(query.offset, query.offset + 50).map(({ message_id }) => message_id);
    const expected = { total: matching.length, ids };
    assert.deepEqual(plain.find(query).found, expected);
    assert.deepEqual(plain.findFolded(query), expected);
  }
  const counts = new Map<string, number>();
  for (const { from: sender } of all) counts.set(sender, (counts.get(sender) ?? 0) + 1);
  const top = [...counts].toSorted(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).slice(0, 100);
  assert.deepEqual(plain.stats().stats, { total: SHAPE.messages, senders: counts.size, top });
  plain.close();
});
