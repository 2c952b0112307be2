import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

/** Far more than a pipe and its buffer hold. */
const LINES = 20_000;

/** Logs `lines`, tells on standard error that it got through, and ends at SIGTERM. */
function talkative(lines = LINES): ChildProcess {
  const source = `
    const { createLogger } = await import(${JSON.stringify(new URL('log.js', import.meta.url).href)});
    const log = createLogger('test', 'info');
    process.on('SIGTERM', () => { log.fatal('the last line'); process.exit(0); });
    process.on('SIGUSR2', () => log.info('one more'));
    setInterval(() => {}, 1e6);
    const filler = 'x'.repeat(100);
    for (let i = 0; i < ${lines}; i++) {
      log.info({ i, filler }, 'a line');
      if (i % 100 === 0) await new Promise(setImmediate);
    }
    process.stderr.write('through');`;
  return spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

const through = async ({ stderr }: ChildProcess): Promise<void> => {
  const [said] = (await once(stderr as NodeJS.ReadableStream, 'data')) as [Buffer];
  assert.equal(said.toString(), 'through');
};

test('a process whose log nobody reads goes on, and hears SIGTERM', async () => {
  const child = talkative();
  await through(child);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('lines that found no room are counted in the next one that does', async () => {
  const child = talkative();
  await through(child);
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  let read = 0;
  for await (const line of lines) {
    const { msg, dropped } = JSON.parse(line) as { msg: string; dropped?: number };
    if (msg === 'a line') read++;
    // from here on there is room, soon
    if (read % 100 === 0) child.kill('SIGUSR2');
    if (dropped === undefined) continue;
    assert.ok(dropped > 0);
    // `one more` may have been dropped as well
    assert.ok(read + dropped >= LINES);
    assert.match(msg, new RegExp(`^dropped ${dropped} log lines`));
    break;
  }
  assert.ok(read < LINES);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('a process whose reader is gone goes on, and hears SIGTERM', async () => {
  const child = talkative();
  child.stdout?.destroy();
  await through(child);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('the last line before an exit is written when there is room', async () => {
  const child = talkative(10);
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await through(child);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'close'), [0, null]);
  assert.match(said, /"level":"fatal".*the last line"\}\n$/);
});
