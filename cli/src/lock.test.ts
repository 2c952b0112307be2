import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LockTakenError, takeLock } from './lock.js';

const freshPath = () => join(mkdtempSync(join(tmpdir(), 'lyftr-lock-')), 'lyftr.sock');

test('a second taker is refused and told who holds the lock', async () => {
  const path = freshPath();
  const lock = await takeLock(path);
  assert.equal(lock.leftBehind, false);
  await assert.rejects(takeLock(path), (error: LockTakenError) => {
    assert.equal(error.name, 'LockTakenError');
    assert.equal(error.pid, process.pid);
    assert.match(error.message, new RegExp(`process ${process.pid}$`));
    return true;
  });
  await lock.release();
});

test('a released lock leaves nothing behind', async () => {
  const path = freshPath();
  await (await takeLock(path)).release();
  assert.equal(existsSync(path), false);
  const again = await takeLock(path);
  assert.equal(again.leftBehind, false);
  await again.release();
});

test('the lock of a process that was killed with SIGKILL is free', async () => {
  const path = freshPath();
  const holder = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `import { takeLock } from ${JSON.stringify(new URL('lock.js', import.meta.url).href)};
     await takeLock(${JSON.stringify(path)});
     console.log('held');`,
  ]);
  await once(holder.stdout, 'data');
  await assert.rejects(takeLock(path), LockTakenError);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  assert.ok(existsSync(path));
  const lock = await takeLock(path);
  assert.equal(lock.leftBehind, true);
  await lock.release();
});

test('of several takers of a stale lock one gets it', async () => {
  const path = freshPath();
  writeFileSync(path, '');
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => takeLock(path)));
  const locks = results.filter((result) => result.status === 'fulfilled');
  await Promise.all(locks.map(({ value }) => value.release()));
  assert.equal(locks.length, 1);
});

test('a holder that lives but does not answer still holds', async () => {
  const path = freshPath();
  const mute = createServer(() => {});
  mute.listen(path);
  await once(mute, 'listening');
  await assert.rejects(takeLock(path), (error: LockTakenError) => error.pid === undefined);
  mute.close();
});
