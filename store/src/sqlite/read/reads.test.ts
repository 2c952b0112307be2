import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { databaseFile } from '../format.js';
import { ProblemError } from '@lyftr/shared/errors';
import { createReads } from './reads.js';
import { createDatabase, selecting, temporaryDirectory } from '../testing.js';

// the clock is looked at once in 1,024 rows
const MESSAGES = 1_100;
const LATER = { top: 10, since: 1, until: undefined };

function setUp(t: TestContext, timeoutMs: number) {
  const directory = temporaryDirectory();
  const writer = createDatabase(directory.path);
  writer.insert(
    Array.from({ length: MESSAGES }, (_, ts) => ({
      message_id: `m-${ts}`,
      from: 'a',
      to: 'b',
      ts,
      text: '',
    })),
  );
  const reads = createReads(databaseFile(directory.path), timeoutMs);
  t.after(async () => {
    await reads.close();
    writer.close();
    directory.remove();
  });
  return reads;
}

const isProblem = (code: string) => (error: unknown) => error instanceof ProblemError && error.code === code;

test('a read whose time is over is refused, and what is quick goes on', async (t) => {
  const reads = setUp(t, 0);
  await assert.rejects(reads.stats(LATER), isProblem('search-timeout'));
  assert.equal((await reads.message('m-7'))?.ts, 7);
});

test('a read that nobody waits for any more ends, and the next one does not', async (t) => {
  const reads = setUp(t, 30_000);
  const controller = new AbortController();
  const abandoned = reads.stats(LATER, controller.signal);
  controller.abort();
  await assert.rejects(abandoned, isProblem('search-timeout'));
  await assert.rejects(reads.stats(LATER, controller.signal), isProblem('search-timeout'));
  assert.equal((await reads.stats(LATER)).messages, MESSAGES - 1);
});

test('more reads than may wait are refused, and those that wait are answered', async (t) => {
  const reads = setUp(t, 30_000);
  const all = await Promise.allSettled(Array.from({ length: 200 }, () => reads.message('m-1')));
  const refused = all.filter((each) => each.status === 'rejected');
  assert.ok(refused.length > 0 && refused.length < 200, String(refused.length));
  assert.ok(refused.every(({ reason }) => isProblem('too-busy')(reason)));
  assert.ok(all.every((each) => each.status === 'rejected' || each.value?.message_id === 'm-1'));
});

test('no search waits for those that take long, and these end when nobody waits for them', async (t) => {
  const directory = temporaryDirectory();
  const writer = createDatabase(directory.path);
  writer.insert(
    Array.from({ length: 60 }, (_, ts) => ({
      message_id: `m-${ts}`,
      from: 'a',
      to: 'b',
      ts,
      text: 'a'.repeat(65_536),
    })),
  );
  const reads = createReads(databaseFile(directory.path), 60_000);
  t.after(async () => {
    await reads.close();
    writer.close();
    directory.remove();
  });
  const page = { order: 'asc', limit: 1, offset: 0, after: undefined } as const;
  const controller = new AbortController();
  // every text has both halves at every place, and never the letter between
  const long = Array.from({ length: 8 }, (_, i) =>
    reads.search(selecting({ q: `${'a'.repeat(500 - i)}b${'a'.repeat(500)}` }), page, controller.signal),
  );
  let ended = 0;
  for (const each of long)
    each.then(
      () => ended++,
      () => ended++,
    );
  assert.equal((await reads.search(selecting({ q: 'xyz' }), page)).total, 0);
  assert.equal(ended, 0);
  controller.abort();
  for (const each of long) await assert.rejects(each, isProblem('search-timeout'));
});
