/** The redis-server that `lyftr up` runs when it is given no REDIS_URL: private, and durable before it is fast. */
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
/** An orderly end is one fsync; the rest is for a disk that is busy. */
const LEFTOVER_END_MS = 15_000;

/** The server's path, or undefined. Valkey is Redis under another name, with the same protocol and files. */
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
 * Redis cannot watch for the death of `lyftr up`, so a subshell does, on descriptor 3: it reads a line when Redis has
 * ended, and the end of the file when we were killed. Then it lets the services drain, which need Redis for that, and ends
 * it. `exec` makes the shell itself the server: its pid, signals and exit code are Redis's own.
 */
const ENDS_WITH_US = `
(read -r _ <&3 && exit
 waited=0
 while [ "$waited" -lt "$GRACE_SECONDS" ]; do sleep 1; kill -0 $$ || exit; waited=$((waited + 1)); done
 kill $$) >/dev/null 2>&1 &
exec "$0" "$@" 3<&-`;

/** Every setting that durability hangs on is spelled out, so that no default and no version changes it. */
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
    // a 200 is sent once Redis has answered, so Redis must answer only after the fsync
    appendfsync: 'always',
    'no-appendfsync-on-rewrite': 'no',
    'auto-aof-rewrite-percentage': '100',
    'maxmemory-policy': 'noeviction',
    // the append-only file is the whole truth; snapshots would only be a second set of writes
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
    // it needs none of our secrets
    env: {
      PATH: env['PATH'],
      HOME: env['HOME'],
      TMPDIR: env['TMPDIR'],
      GRACE_SECONDS: String(graceMs / 1_000),
    },
    ipc: false,
  };
}

/** One connection, no retries; its failures are the caller's to read. */
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
  /** `silent`: something listens, but gives no answer, or refuses us. */
  state: 'away' | 'loading' | 'ready' | 'silent';
  /** Why it is not ready; holds no password. */
  reason?: string;
}

export async function probeRedis(url: string): Promise<RedisState> {
  try {
    await withRedis(url, (redis) => redis.ping());
    return { state: 'ready' };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (message.startsWith('LOADING')) return { state: 'loading', reason: 'it reads what it kept' };
    const isAway = code === 'ECONNREFUSED' || code === 'ENOENT' || code === 'ENOTFOUND';
    return { state: isAway ? 'away' : 'silent', reason: refusalOf(error) ?? message };
  }
}

/**
 * Ends the redis-server that a killed `lyftr up` left behind. It has synced everything that it acknowledged, so
 * nothing is lost; a second server on the same files would ruin them. Resolves with whether there was one; rejects
 * when it cannot be ended.
 */
export async function endLeftoverRedis(socket: string): Promise<boolean> {
  const url = `unix://${socket}`;
  const found = await probeRedis(url);
  if (found.state === 'away') return false;
  if (found.state !== 'silent') {
    // it answers by closing the connection, which ioredis reports as an error
    await withRedis(url, (redis) => redis.shutdown()).catch(() => {});
    const deadline = performance.now() + LEFTOVER_END_MS;
    while (performance.now() < deadline) {
      if ((await probeRedis(url)).state === 'away') return true;
      await delay(POLL_MS);
    }
  }
  throw new Error(
    `the redis-server of an earlier run, on ${socket}, does not end: kill it, then start again`,
  );
}

/** Waits until Redis answers and has read what it kept, however long that takes. Rejects when `signal` aborts. */
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

/** Undefined as soon as Redis is ready; after `patienceMs` (or when `signal` aborts) what was wrong at the last try. */
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
 * Redis marks warnings with `#`, and up to version 7.0 its banner too. Its advice about the machine comes at every
 * start and is about something that may happen; when it does happen, Redis says so.
 */
const NO_FAULT =
  /^(oO0Oo|(Redis|Valkey) version|Configuration loaded|Server initialized|User requested|WARNING Memory overcommit|.*ready to exit)/;

/** One line of the server's output as an event. */
export function redisLine(line: string): { level: Level; msg: string } {
  const match = /^\d+:\w .*?\d\d:\d\d:\d\d(?:\.\d+)? ([.\-*#]) (.*)$/.exec(line);
  if (match === null) return { level: 'debug', msg: line };
  const [, mark, msg = ''] = match;
  return { level: mark === '#' && !NO_FAULT.test(msg) ? 'warn' : 'debug', msg };
}
