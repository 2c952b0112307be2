import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LockTakenError, takeLock } from './lock.js';

const freshDir = () => mkdtempSync(join(tmpdir(), 'lyftr-lock-'));

/** A process that holds the lock of `dataDir`, or says who does. */
async function holder(dataDir: string, env: NodeJS.ProcessEnv = {}) {
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { takeLock } from ${JSON.stringify(new URL('lock.js', import.meta.url).href)};
       try { takeLock(${JSON.stringify(dataDir)}); console.log('held'); setInterval(() => {}, 1e6); }
       catch (error) { console.log(error.pid ?? error.message); }`,
    ],
    { env: { ...process.env, ...env } },
  );
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    said: said.toString().trim(),
    freeze: () => child.kill('SIGSTOP'),
    async kill() {
      if (child.exitCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

test('a second taker is refused and told who holds the lock', () => {
  const dataDir = freshDir();
  const lock = takeLock(dataDir);
  assert.equal(lock.leftBehind, false);
  assert.throws(
    () => takeLock(dataDir),
    (error: LockTakenError) => {
      assert.equal(error.name, 'LockTakenError');
      assert.equal(error.pid, process.pid);
      assert.match(error.message, new RegExp(`process ${process.pid}$`));
      return true;
    },
  );
  lock.release();
});

test('a released lock leaves no trace of its holder', () => {
  const dataDir = freshDir();
  takeLock(dataDir).release();
  assert.equal(existsSync(join(dataDir, 'lyftr.pid')), false);
  const again = takeLock(dataDir);
  assert.equal(again.leftBehind, false);
  again.release();
});

test('the lock of a process that was killed with SIGKILL is free, and tells of it', async () => {
  const dataDir = freshDir();
  const first = await holder(dataDir);
  assert.equal(first.said, 'held');
  assert.throws(() => takeLock(dataDir), LockTakenError);
  await first.kill();
  const lock = takeLock(dataDir);
  assert.equal(lock.leftBehind, true);
  lock.release();
});

test('a holder that is frozen still holds', async () => {
  const dataDir = freshDir();
  const first = await holder(dataDir);
  first.freeze();
  assert.throws(() => takeLock(dataDir), LockTakenError);
  await first.kill();
});

test('neither the length nor the characters of the path, nor TMPDIR, make a second lock', async () => {
  for (const name of ['short', 'x'.repeat(200), 'what? #%']) {
    const dataDir = join(freshDir(), name);
    mkdirSync(dataDir);
    const lock = takeLock(dataDir);
    const second = await holder(dataDir, { TMPDIR: freshDir() });
    assert.equal(second.said, String(process.pid), name);
    const alias = join(freshDir(), 'alias');
    symlinkSync(dataDir, alias);
    assert.throws(() => takeLock(alias), LockTakenError);
    lock.release();
  }
});

test('of several takers at the same moment one gets it', async () => {
  const dataDir = freshDir();
  const holders = await Promise.all(Array.from({ length: 4 }, () => holder(dataDir)));
  assert.equal(holders.filter(({ said }) => said === 'held').length, 1);
  await Promise.all(holders.map((each) => each.kill()));
});
