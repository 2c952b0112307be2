import { Redis, type RedisOptions } from 'ioredis';
import { refusalOf } from './refusal.js';

type Options = Omit<RedisOptions, 'replyMapping' | 'protocol'>;

/** RESP2 everywhere: the replies have one shape, whichever server answers. */
const PROTOCOL = { protocol: 2, replyMapping: 'legacy' } as const;

/** `unix:///path/redis.sock`, `redis://…` or `rediss://…`; ioredis itself takes a socket as a bare path. */
export function redisAddress(url: string): string {
  return url.startsWith('unix://') ? url.slice('unix://'.length) : url;
}

/** Reconnects after 50 ms at first and never more than 1 s apart: the first request after a restart must not wait. */
export function retryDelayMs(attempt: number): number {
  return Math.min(50 * attempt, 1_000);
}

/**
 * ioredis goes on in database 0 when the one that REDIS_URL names is refused. Half of the services there and half in the
 * other would lose messages between them, so the connection is given up, to be tried again.
 */
function openRedis(url: string, options: Options): Redis {
  const redis = new Redis(redisAddress(url), { ...options, ...PROTOCOL });
  redis.on('error', (error: Error & { command?: { name: string } }) => {
    if (error.command?.name !== 'select') return;
    // not `disconnect`, which ends the stream in order, so that the connection still becomes ready; and not before the
    // handshake's next command is on its way, which would fail with an error of its own
    setImmediate(() => redis.stream.destroy());
  });
  return redis;
}

/**
 * A client that fails instead of waiting: no offline queue, no resend of commands whose fate is unknown (ioredis's
 * default resend made one `add` store two jobs), and an end to every command.
 */
export function failFastRedis(url: string, commandTimeoutMs: number, options: Options = {}): Redis {
  return openRedis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    commandTimeout: commandTimeoutMs,
    connectTimeout: 2_000,
    retryStrategy: retryDelayMs,
    ...options,
  });
}

/** A client for blocking consumers: waits for Redis as long as it takes, as BullMQ's workers demand. */
export function patientRedis(url: string, options: Options = {}): Redis {
  return openRedis(url, {
    maxRetriesPerRequest: null,
    connectTimeout: 2_000,
    retryStrategy: retryDelayMs,
    ...options,
  });
}

/** Share of `maxmemory` in use, from `INFO memory`; 0 when there is no limit. */
export function memoryUsedRatio(info: string): number {
  const figure = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
  const limit = figure('maxmemory');
  return limit === 0 ? 0 : figure('used_memory') / limit;
}

/** `always`: an acknowledgement outlives a power cut. `everysec`: up to a second of acknowledged messages may not. */
export type RedisFsync = 'always' | 'everysec';

/** BullMQ recommends it; streams, Lua and AOF behave the same from there on. */
const VERSION_MIN = [6, 2] as const;

function versionFault(info: string): string | undefined {
  const version = /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'unknown';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < VERSION_MIN[0] || (major === VERSION_MIN[0] && minor < VERSION_MIN[1]);
  return isOld ? `Redis is ${version}: run ${VERSION_MIN.join('.')} or newer` : undefined;
}

/**
 * What a durable queue needs of Redis, each with the change that mends it. Empty when all is well; what cannot be read
 * cannot be trusted. Rejects when Redis does not answer.
 */
export async function durabilityFaults(redis: Redis, fsync: RedisFsync = 'always'): Promise<string[]> {
  const wanted: [string, string[]][] = [
    ['appendonly', ['yes']],
    ['appendfsync', fsync === 'always' ? ['always'] : ['always', 'everysec']],
    ['maxmemory-policy', ['noeviction']],
  ];
  const faults: string[] = [];
  try {
    const old = versionFault(await redis.info('server'));
    if (old !== undefined) faults.push(old);
    for (const [name, values] of wanted) {
      const value = (await redis.config('GET', name))[1];
      if (!values.includes(value ?? '')) {
        faults.push(`Redis has ${name} ${value ?? 'unknown'}: CONFIG SET ${name} ${String(values[0])}`);
      }
    }
  } catch (error) {
    if (!/NOPERM|unknown command/i.test(String(error))) throw error;
    faults.push(
      refusalOf(error) ??
        'Redis does not let its settings be read, so nobody knows what it keeps: allow +config|get and +info',
    );
  }
  return faults;
}
