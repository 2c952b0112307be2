/** The redis-server that `lyftr up` runs without REDIS_URL. It is private, and durability comes before speed. */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { failFastRedis } from '@lyftr/shared/runtime/redis';
import { refusalOf } from '@lyftr/shared/runtime/refusal';
import type { Redis } from 'ioredis';
import type { Level } from './screen.js';
import type { ChildSpec } from './supervise.js';

const COMMAND_TIMEOUT_MS = 2_000;
const POLL_MS = 50;
/** A clean shutdown takes one fsync. The rest is for a busy disk. */
const LEFTOVER_END_MS = 15_000;

/** The path of the server, or undefined. Valkey is a fork of Redis with the same protocol and files. */
export function findRedisServer(searchPath: string): string | undefined {
  for (const name of ['redis-server', 'valkey-server']) {
    for (const directory of searchPath.split(delimiter)) {
      const file = join(directory, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // not in this directory
      }
    }
  }
  return undefined;
}

/**
 * Redis cannot detect the death of `lyftr up`, so a subshell does so with descriptor 3. It reads a line when Redis
 * has exited, and the end of the file when we were killed. In the second case it lets the services drain, which need
 * Redis for that, and then stops Redis. `exec` replaces the shell by the server, so the pid, signals and exit code
 * are those of Redis.
 */
const ENDS_WITH_US = `
(read -r _ <&3 && exit
 waited=0
 while [ "$waited" -lt "$GRACE_SECONDS" ]; do sleep 1; kill -0 $$ || exit; waited=$((waited + 1)); done
 kill $$) >/dev/null 2>&1 &
exec "$0" "$@" 3<&-`;

/** Every setting that durability depends on is explicit, so that a changed default has no effect. */
export function redisSpec(
  command: string,
  dataDir: string,
  socket: string,
  graceMs: number,
  env: NodeJS.ProcessEnv,
): ChildSpec {
  const directory = join(dataDir, 'redis');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const settings = {
    port: '0',
    unixsocket: socket,
    unixsocketperm: '700',
    dir: directory,
    daemonize: 'no',
    appendonly: 'yes',
    // we send a 200 when Redis has responded, so Redis must respond only after the fsync
    appendfsync: 'always',
    'no-appendfsync-on-rewrite': 'no',
    'auto-aof-rewrite-percentage': '100',
    'maxmemory-policy': 'noeviction',
    // the append-only file has all the data; snapshots would only add writes
    save: '',
  };
  return {
    name: 'redis',
    command: 'sh',
    args: [
      '-c',
      ENDS_WITH_US,
      command,
      ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    ],
    // Redis does not need our secrets
    env: {
      PATH: env['PATH'],
      HOME: env['HOME'],
      TMPDIR: env['TMPDIR'],
      GRACE_SECONDS: String(graceMs / 1_000),
    },
    ipc: false,
  };
}

/** One connection without retries. The caller handles its errors. */
async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = failFastRedis(url, COMMAND_TIMEOUT_MS, {
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
  });
  let reason: Error | undefined;
  redis.on('error', (error) => (reason = error));
  try {
    await redis.connect();
    return await use(redis);
  } catch (error) {
    throw reason ?? error;
  } finally {
    redis.disconnect();
  }
}

export interface RedisState {
  /** `silent`: a server listens, but does not respond or refuses us. */
  state: 'away' | 'loading' | 'ready' | 'silent';
  /** Why it is not ready. Contains no password. */
  reason?: string;
}

export async function probeRedis(url: string): Promise<RedisState> {
  try {
    await withRedis(url, (redis) => redis.ping());
    return { state: 'ready' };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (message.startsWith('LOADING')) return { state: 'loading', reason: 'it is loading its data' };
    const isAway = code === 'ECONNREFUSED' || code === 'ENOENT' || code === 'ENOTFOUND';
    return { state: isAway ? 'away' : 'silent', reason: refusalOf(error) ?? message };
  }
}

/**
 * Stops the redis-server that a killed `lyftr up` left running. It has synced everything that it acknowledged, so
 * nothing is lost. A second server on the same files would damage them. Resolves with whether there was one. Rejects
 * when it cannot be stopped.
 */
export async function endLeftoverRedis(socket: string): Promise<boolean> {
  const url = `unix://${socket}`;
  const found = await probeRedis(url);
  if (found.state === 'away') return false;
  if (found.state !== 'silent') {
    // Redis responds by closing the connection, which ioredis reports as an error
    await withRedis(url, (redis) => redis.shutdown()).catch(() => {});
    const deadline = performance.now() + LEFTOVER_END_MS;
    while (performance.now() < deadline) {
      if ((await probeRedis(url)).state === 'away') return true;
      await delay(POLL_MS);
    }
  }
  throw new Error(`the redis-server of an earlier run does not stop (${socket}): kill it, then start again`);
}

/** Waits until Redis responds and has loaded its data, without a time limit. Rejects when `signal` aborts. */
export async function redisReady(url: string, signal: AbortSignal, onLoading: () => void): Promise<void> {
  let told = false;
  for (;;) {
    signal.throwIfAborted();
    const { state } = await probeRedis(url);
    if (state === 'ready') return;
    if (state === 'loading' && !told) {
      told = true;
      onLoading();
    }
    await delay(POLL_MS, undefined, { signal });
  }
}

/**
 * Resolves with undefined when Redis is ready. After `patienceMs`, or when `signal` aborts, resolves with the last
 * fault.
 */
export async function redisFault(
  url: string,
  patienceMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const { state, reason } = await probeRedis(url);
    if (state === 'ready') return undefined;
    if (signal.aborted || performance.now() > deadline) return reason;
    await delay(POLL_MS);
  }
}

/**
 * Redis marks warnings with `#`, and up to version 7.0 its banner too. At every start it gives advice about possible
 * problems of the machine. We skip that, because Redis reports a real problem when it occurs.
 */
const NO_FAULT =
  /^(oO0Oo|(Redis|Valkey) version|Configuration loaded|Server initialized|User requested|WARNING Memory overcommit|.*ready to exit)/;

/** Converts one line of the server's output to an event. */
export function redisLine(line: string): { level: Level; msg: string } {
  const match = /^\d+:\w .*?\d\d:\d\d:\d\d(?:\.\d+)? ([.\-*#]) (.*)$/.exec(line);
  if (match === null) return { level: 'debug', msg: line };
  const [, mark, msg = ''] = match;
  return { level: mark === '#' && !NO_FAULT.test(msg) ? 'warn' : 'debug', msg };
}
