import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { durabilityFaults, failFastRedis } from '@lyftr/shared/runtime/redis';
import {
  endLeftoverRedis,
  findRedisServer,
  probeRedis,
  redisFault,
  redisLine,
  redisReady,
  redisSpec,
} from './redis.js';

const command = findRedisServer(process.env['PATH'] ?? '') ?? 'redis-server';
const GRACE_MS = 1_000;
const { signal } = new AbortController();
const running = new Set<ChildProcess>();
after(() => running.forEach((child) => child.kill('SIGKILL')));

function start(dataDir: string) {
  const socket = join(dataDir, 'redis.sock');
  const spec = redisSpec(command, dataDir, socket, GRACE_MS, process.env);
  const stdio = ['ignore', 'ignore', 'ignore', 'pipe'] as const;
  const child = spawn(spec.command, spec.args, { env: spec.env, stdio: [...stdio] });
  running.add(child);
  const tie = child.stdio[3] as Socket;
  child.on('exit', () => tie.end('\n'));
  return { child, tie, socket, url: `unix://${socket}` };
}

const freshDir = () => mkdtempSync(join(tmpdir(), 'lyftr redis '));

test('the server is as durable as the services demand, and reachable through its socket alone', async () => {
  const { child, url } = start(freshDir());
  await redisReady(url, signal, () => {});
  const redis = failFastRedis(url, 2_000);
  await once(redis, 'ready');
  assert.deepEqual(await durabilityFaults(redis), []);
  for (const [name, value] of Object.entries({
    port: '0',
    save: '',
    unixsocketperm: '700',
    'no-appendfsync-on-rewrite': 'no',
    'auto-aof-rewrite-percentage': '100',
  }))
    assert.deepEqual(await redis.config('GET', name), [name, value]);
  redis.disconnect();
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('a server left behind ends in order, and the next one has what it acknowledged', async () => {
  const dataDir = freshDir();
  const first = start(dataDir);
  await redisReady(first.url, signal, () => {});
  const redis = failFastRedis(first.url, 2_000);
  redis.on('error', () => {});
  await once(redis, 'ready');
  await redis.set('kept', 'yes');
  redis.disconnect();
  const exited = once(first.child, 'exit');
  assert.equal(await endLeftoverRedis(first.socket), true);
  assert.deepEqual(await exited, [0, null]);
  assert.equal(await endLeftoverRedis(first.socket), false);

  const second = start(dataDir);
  await redisReady(second.url, signal, () => {});
  const reader = failFastRedis(second.url, 2_000);
  await once(reader, 'ready');
  assert.equal(await reader.get('kept'), 'yes');
  reader.disconnect();
  second.child.kill('SIGTERM');
  await once(second.child, 'exit');
});

test('a server left behind that does not answer is not joined by a second one', async () => {
  const { child, socket, url } = start(freshDir());
  await redisReady(url, signal, () => {});
  child.kill('SIGSTOP');
  await assert.rejects(endLeftoverRedis(socket), /does not stop \(.*\): kill it/);
  child.kill('SIGKILL');
  await once(child, 'exit');
  // its socket is still there, but nobody listens
  assert.equal(await endLeftoverRedis(socket), false);
});

test('a server whose supervisor is gone ends in order after the grace', async () => {
  const { child, tie, url } = start(freshDir());
  await redisReady(url, signal, () => {});
  const exited = once(child, 'exit');
  tie.destroy();
  assert.deepEqual(await exited, [0, null]);
});

test('an absent server is away, and the reason is told after the patience', async () => {
  const url = `unix://${freshDir()}/redis.sock`;
  assert.equal((await probeRedis(url)).state, 'away');
  assert.match((await redisFault(url, 100, signal)) ?? '', /ENOENT/);
  const aborted = AbortSignal.timeout(50);
  await assert.rejects(redisReady(url, aborted, () => {}));
});

test("Redis's faults are warnings, its banner is not", () => {
  assert.deepEqual(redisLine('12:M 24 Nov 2026 07:01:43.600 # Failed opening the RDB file'), {
    level: 'warn',
    msg: 'Failed opening the RDB file',
  });
  assert.equal(redisLine('12:C 24 Nov 2026 07:01:43.599 # Redis version=7.0.15, bits=64').level, 'debug');
  assert.equal(redisLine('12:M 24 Nov 2026 07:01:43.600 * Ready to accept connections').level, 'debug');
  assert.deepEqual(redisLine('*** FATAL CONFIG FILE ERROR ***'), {
    level: 'debug',
    msg: '*** FATAL CONFIG FILE ERROR ***',
  });
});
