import assert from 'node:assert/strict';
import { statfsSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { databaseFile } from '@lyftr/store/sqlite/format';
import { MetricsScene, series } from './testing-metrics.js';

const scene = new MetricsScene();

test('the database, its log and the room beside them are measured', async () => {
  await scene.start(new Registry());
  const before = series(await scene.scrape(), 'database_bytes');
  const message = (n: number) => ({ message_id: `${n}`, from: 'a', to: 'b', ts: n, text: 'x'.repeat(1_000) });
  scene.writer.insert(Array.from({ length: 100 }, (_, n) => message(n)));
  const page = await scene.scrape();
  const bytes = series(page, 'database_bytes');
  const file = databaseFile(scene.directory.path);
  assert.deepEqual(bytes, {
    '{file="main"}': statSync(file).size,
    '{file="wal"}': statSync(`${file}-wal`).size,
  });
  assert.ok((bytes['{file="wal"}'] ?? 0) > (before['{file="wal"}'] ?? 0) + 100_000);
  const free = series(page, 'disk_free_bytes')[''] ?? -1;
  const { bavail, blocks, bsize } = statfsSync(scene.directory.path);
  // others write to this disk as well
  assert.ok(Math.abs(free - bavail * bsize) < (blocks * bsize) / 10, `${free}`);
});

test('dead letters wait until they are discarded', async () => {
  const letters = (unstorable: number, conflicts: number) => ({
    '{kind="corrupt_envelope"}': 0,
    '{kind="unstorable_message"}': unstorable,
    '{kind="conflicting_duplicate"}': conflicts,
    '{kind="unmapped_delivery"}': 0,
  });
  await scene.start(new Registry());
  assert.deepEqual(series(await scene.scrape(), 'dead_letters_waiting'), letters(0, 0));
  scene.writer.database.exec(
    `INSERT INTO dead_letters (kind, reason, raw, received_at)
     VALUES ('unstorable_message', 'r', '{}', 1), ('conflicting_duplicate', 'r', '{}', 2)`,
  );
  assert.deepEqual(series(await scene.scrape(), 'dead_letters_waiting'), letters(1, 1));
  scene.writer.database.exec('DELETE FROM dead_letters WHERE id = 1');
  assert.deepEqual(series(await scene.scrape(), 'dead_letters_waiting'), letters(0, 1));
});

test("Redis's memory is a share of its limit, and 0 without one", async () => {
  await scene.start(new Registry());
  assert.deepEqual(series(await scene.scrape(), 'redis_memory_used_ratio'), { '': 0 });
  const limit = 64 * 1024 * 1024;
  await scene.redis.config('SET', 'maxmemory', limit);
  try {
    for (let n = 0; n < 16; n += 1) await scene.redis.set(`filling-${n}`, 'x'.repeat(limit / 64));
    const share = series(await scene.scrape(), 'redis_memory_used_ratio')[''] ?? -1;
    assert.ok(share > 0.25 && share < 1, `${share}`);
  } finally {
    await scene.redis.config('SET', 'maxmemory', 0);
  }
});
