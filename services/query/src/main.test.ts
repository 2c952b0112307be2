import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SNAPSHOTS_KEY, type ProcessSnapshot } from '@lyftr/shared/metrics';
import { failFastRedis } from '@lyftr/shared/runtime/redis';
import { createDatabase, temporaryDirectory } from '@lyftr/store/sqlite/testing';
import { connected, startRedis } from './testing.js';

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));

test('the service starts before Redis and the database, finds both, and leaves its last figures', async (t) => {
  const directory = temporaryDirectory();
  const env = {
    PATH: process.env['PATH'],
    QUERY_PORT: '0',
    DATA_DIR: directory.path,
    REDIS_URL: `unix://${directory.path}/redis.sock`,
  };
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
    directory.remove();
  });

  let listening: { msg: string; port: number } | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    listening = JSON.parse(line) as { msg: string; port: number };
    if (listening.msg === 'listening') break;
  }
  const url = `http://127.0.0.1:${listening?.port}`;
  child.stdout.resume();
  assert.equal((await fetch(`${url}/readyz`)).status, 503);
  assert.match(await (await fetch(`${url}/metrics`)).text(), /^lyftr_redis_up 0$/m);

  createDatabase(directory.path).close();
  assert.equal((await fetch(`${url}/readyz`)).status, 200);

  const server = await startRedis(directory.path);
  const redis = await connected(failFastRedis(server.url, 1_000));
  t.after(async () => {
    redis.disconnect();
    await server.stop();
  });
  for (;;) {
    const page = await (await fetch(`${url}/metrics`)).text();
    if (/^lyftr_redis_up 1$/m.test(page)) break;
  }

  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
  const [published] = await redis.hvals(SNAPSHOTS_KEY);
  assert.equal((JSON.parse(published ?? '') as ProcessSnapshot).stopped, true);
});
