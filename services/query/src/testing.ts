/** Helpers for the tests of this service: a Redis and a listening service. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { closeServer, createStrictServer, listen } from '@lyftr/shared/runtime/http';
import { createLogger } from '@lyftr/shared/runtime/log';
import { openSources } from '@lyftr/sources/current';
import { openSqliteReadStore } from '@lyftr/store/sqlite/read/read-store';
import type { ReadStore } from '@lyftr/store/store';
import { databaseFile } from '@lyftr/store/sqlite/format';
import { createLookout } from './system/look.js';
import { createQueryListener, type QueryOptions } from './app.js';
import { createConsole, type ConsoleOptions } from './routes/console.js';

export interface TestRedis {
  url: string;
  pid: number;
  stop(): Promise<void>;
}

/** Starts a redis-server without persistence on a socket in `directory`. */
export async function startRedis(directory: string): Promise<TestRedis> {
  const socket = join(directory, 'redis.sock');
  const child = spawn(
    'redis-server',
    ['--port', '0', '--unixsocket', socket, '--appendonly', 'no', '--save', '', '--dir', directory],
    { stdio: 'ignore' },
  );
  const ended = once(child, 'exit');
  for (;;) {
    const probe = connect(socket);
    const answers = await once(probe, 'connect').then(
      () => true,
      () => false,
    );
    probe.destroy();
    if (answers) break;
    if (child.exitCode !== null) throw new Error(`redis-server exited with ${child.exitCode}`);
    await sleep(10);
  }
  return {
    url: `unix://${socket}`,
    pid: child.pid as number,
    async stop() {
      // SIGKILL also ends a frozen process
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Waits until a fail-fast client is ready. */
export async function connected(redis: Redis): Promise<Redis> {
  if (redis.status !== 'ready') await once(redis, 'ready');
  return redis;
}

export interface TestService {
  url: string;
  port: number;
  store: ReadStore;
  close(): Promise<void>;
}

/** Longer than any read of a test. */
const TIMEOUT_MS = 30_000;

/** Starts the service on a free port. Options that a test omits get stand-ins. */
export async function startService(
  directory: string,
  options: Partial<Omit<QueryOptions & ConsoleOptions, 'log' | 'console'>> = {},
): Promise<TestService> {
  const store = options.store ?? openSqliteReadStore(databaseFile(directory), TIMEOUT_MS);
  // a client that never connects rejects like one whose Redis is away
  const redis = new Redis({ lazyConnect: true, path: '/nowhere', retryStrategy: () => null });
  redis.on('error', () => {});
  const given = {
    redis,
    sources: openSources({
      file: undefined,
      env: {},
      registry: new Registry(),
      log: createLogger('query', 'silent'),
    }),
    metrics: { families: () => Promise.resolve([]) },
    registry: new Registry(),
    token: undefined,
    anonymousReads: false,
    intake: undefined,
    queuesWritable: false,
    trustedProxies: 'loopback',
    ...options,
    store,
    lookout: createLookout(options.redis ?? redis, store, () => {}),
    log: createLogger('query', 'silent'),
  };
  const console = createConsole(given);
  const listener = createQueryListener({ ...given, console });
  const server = createStrictServer(listener);
  const port = await listen(server, 0, '127.0.0.1');
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    store,
    async close() {
      console.live.close();
      // fetch keeps connections open
      server.closeAllConnections();
      await closeServer(server);
      await store.close();
    },
  };
}
