import assert from 'node:assert/strict';
import { test } from 'node:test';
import { databaseFile } from '../format.js';
import { createDatabase, temporaryDirectory } from '../testing.js';
import { openSqliteReadStore } from './read-store.js';

const MIB = 1024 * 1024;

test('a part of an export is bounded by the size of its messages, also when one is larger than that', async (t) => {
  const directory = temporaryDirectory();
  const writer = createDatabase(directory.path);
  const store = openSqliteReadStore(databaseFile(directory.path), 30_000);
  t.after(async () => {
    await store.close();
    writer.close();
    directory.remove();
  });
  const large = Array.from({ length: 12 }, (_, i) => {
    const extra = { filling: 'x'.repeat(i === 5 ? 3 * MIB : MIB / 2) };
    return { message_id: `l-${i}`, from: 'l', to: 'us', ts: 10 + (i % 3), text: `large ${i}`, extra };
  });
  writer.insert(large);
  const inOrder = large.toSorted((a, b) => a.ts - b.ts || (a.message_id < b.message_id ? -1 : 1));
  const all = {
    from: undefined,
    to: undefined,
    since: undefined,
    until: undefined,
    source: undefined,
    text: undefined,
  };
  const searches = [
    ['asc', { ...all, from: 'l' }],
    ['desc', { ...all, from: 'l', to: 'us' }],
    ['asc', { ...all, text: 'large' }],
  ] as const;
  for (const [order, filter] of searches) {
    const ids: string[] = [];
    for await (const messages of store.export(filter, order)) {
      const bytes = messages.reduce((sum, { text, extra }) => sum + text.length + (extra?.length ?? 0), 0);
      assert.ok(bytes < 5.5 * MIB, `${bytes}`);
      ids.push(...messages.map(({ message_id }) => message_id));
    }
    const expected = order === 'desc' ? inOrder.toReversed() : inOrder;
    assert.deepEqual(
      ids,
      expected.map(({ message_id }) => message_id),
    );
  }
});
