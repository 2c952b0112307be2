/** Helpers for tests: a private Redis. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';

export interface TestRedis {
  redis: Redis;
  stop(): Promise<void>;
}

/** Starts a redis-server without persistence on a socket. Resolves with a ready connection. */
export async function startRedis(): Promise<TestRedis> {
  const directory = mkdtempSync(join(tmpdir(), 'lyftr-writer-'));
  const socket = join(directory, 'redis.sock');
  const options = ['--port', '0', '--unixsocket', socket, '--appendonly', 'no', '--save', ''];
  const child = spawn('redis-server', [...options, '--dir', directory], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const redis = new Redis({
    path: socket,
    lazyConnect: true,
    maxRetriesPerRequest: null,
    retryStrategy: () => 20,
  });
  redis.on('error', () => {});
  redis.connect().catch(() => {});
  while (redis.status !== 'ready') {
    if (child.exitCode !== null) throw new Error(`redis-server exited with ${child.exitCode}`);
    await delay(10);
  }
  return {
    redis,
    async stop() {
      redis.disconnect();
      child.kill('SIGKILL');
      await ended;
      rmSync(directory, { recursive: true });
    },
  };
}
