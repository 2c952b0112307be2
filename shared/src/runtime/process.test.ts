import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';

const PROCESS_JS = JSON.stringify(new URL('process.js', import.meta.url).href);

/** A service whose `start` is the given source, as a child with an IPC channel. */
function service(start: string): ChildProcess {
  const source = `
    const { runService } = await import(${PROCESS_JS});
    setInterval(() => {}, 1e6);
    runService('query', async (log) => { ${start} });`;
  return spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
}

const NEVER_STARTED = `log.info('starting'); await new Promise(() => {});`;
const STARTED = `log.info('starting'); return { unfinished: () => '', close: async () => log.info('drained') };`;

test('a service whose parent goes while its modules load ends', async () => {
  const child = service(NEVER_STARTED);
  child.disconnect();
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('a service whose parent goes while it starts ends', async () => {
  const child = service(NEVER_STARTED);
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  child.disconnect();
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('a service whose parent goes when it has started finishes its work first', async () => {
  const child = service(STARTED);
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  const ended = once(child.stdout as NodeJS.ReadableStream, 'end');
  child.disconnect();
  assert.deepEqual(await once(child, 'exit'), [0, null]);
  await ended;
  assert.match(said, /"reason":"the parent process is gone".*"drained".*"closed"/s);
});
