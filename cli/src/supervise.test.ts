import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import { supervise, type Backoff, type ChildSpec, type Exit } from './supervise.js';

const FAST: Backoff = { firstMs: 20, maxMs: 60, resetAfterMs: 60_000 };

const script = (source: string, ipc = true): ChildSpec => ({
  name: 'stand-in',
  command: process.execPath,
  args: ['-e', source],
  env: process.env,
  ipc,
});

/** Runs a script under supervision; `until` waits for what the caller wants to see. */
function watch(spec: ChildSpec, backoff = FAST) {
  const lines: string[] = [];
  const ends: { exit: Exit; restartMs: number | undefined }[] = [];
  const child = supervise(
    spec,
    { line: (text) => lines.push(text), ended: (exit, restartMs) => ends.push({ exit, restartMs }) },
    backoff,
  );
  const until = async (holds: () => boolean): Promise<void> => {
    const deadline = performance.now() + 15_000;
    while (!holds()) {
      assert.ok(performance.now() < deadline, `never held; lines: ${lines.join(' | ')}`);
      await delay(10);
    }
  };
  return { child, lines, ends, until };
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test('a child that ends is started again, each time a little later', async () => {
  const { child, ends, until } = watch(script('process.exit(3)'));
  await until(() => ends.length >= 4);
  await child.stop(1_000);
  assert.deepEqual(
    ends.slice(0, 4).map(({ restartMs }) => restartMs),
    [20, 40, 60, 60],
  );
  assert.deepEqual(ends[0]?.exit, { code: 3, signal: null });
});

test('a long life resets the delay', async () => {
  const { child, ends, until } = watch(script('process.exit(3)'), { ...FAST, resetAfterMs: 0 });
  await until(() => ends.length >= 3);
  await child.stop(1_000);
  assert.deepEqual(
    ends.slice(0, 3).map(({ restartMs }) => restartMs),
    [20, 20, 20],
  );
});

test('a child killed with SIGKILL is started again', async () => {
  const { child, lines, ends, until } = watch(script(`console.log('up'); setInterval(() => {}, 1e6)`));
  await until(() => lines.length === 1);
  const first = child.pid;
  process.kill(first as number, 'SIGKILL');
  await until(() => lines.length === 2);
  assert.deepEqual(ends[0]?.exit, { code: null, signal: 'SIGKILL' });
  assert.notEqual(child.pid, first);
  await child.stop(1_000);
});

test('settings faults (exit code 78) are not retried, and what was said last is heard first', async () => {
  const { lines, ends, until } = watch(script(`console.log('PORT must be integer'); process.exit(78)`));
  await until(() => ends.length === 1);
  assert.deepEqual(lines, ['PORT must be integer']);
  assert.equal(ends[0]?.restartMs, undefined);
  await delay(100);
  assert.equal(ends.length, 1);
});

test('a command that does not exist is an end like any other', async () => {
  const { child, lines, ends, until } = watch({ ...script(''), command: '/nonexistent/redis-server' });
  await until(() => ends.length === 2);
  assert.equal(ends[0]?.exit.code, 127);
  assert.match(lines[0] ?? '', /ENOENT/);
  assert.equal(await child.stop(1_000), true);
});

test('stop lets a child finish, and tells whether it did', async () => {
  const draining = `process.on('SIGTERM', () => setTimeout(() => process.exit(Number(process.argv[1])), 100));
    console.log('up'); setInterval(() => {}, 1e6)`;
  for (const code of [0, 1]) {
    const spec = script(draining);
    const { child, lines, ends, until } = watch({ ...spec, args: [...spec.args, String(code)] });
    await until(() => lines.length === 1);
    assert.equal(await child.stop(5_000), code === 0);
    assert.equal(ends.length, 0);
    assert.equal(child.pid, undefined);
  }
});

test('a child that SIGTERM meets before it listens for it had nothing to finish', async () => {
  const { child, lines, until } = watch(script(`console.log('up'); setInterval(() => {}, 1e6)`));
  await until(() => lines.length === 1);
  assert.equal(await child.stop(5_000), true);
});

test('a child that does not end within its grace is killed with all that it started', async () => {
  const stubborn = `process.on('SIGTERM', () => {});
    const { pid } = require('node:child_process').spawn('sleep', ['600']);
    console.log(pid); setInterval(() => {}, 1e6)`;
  const { child, lines, until } = watch(script(stubborn));
  await until(() => lines.length === 1);
  assert.equal(await child.stop(200), false);
  const grandchild = Number(lines[0]);
  await until(() => !isAlive(grandchild));
});

test('a stop between two lives prevents the next', async () => {
  const { child, ends, until } = watch(script('process.exit(1)'), { ...FAST, firstMs: 200 });
  await until(() => ends.length === 1);
  assert.equal(await child.stop(1_000), true);
  await delay(400);
  assert.equal(ends.length, 1);
  assert.equal(child.pid, undefined);
});
