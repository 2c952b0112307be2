import { Redis, type RedisOptions } from 'ioredis';
import { refusalOf } from './refusal.js';

type Options = Omit<RedisOptions, 'replyMapping' | 'protocol'>;

/** Always RESP2, so that replies have the same shape with every server. */
const PROTOCOL = { protocol: 2, replyMapping: 'legacy' } as const;

/** Converts REDIS_URL for ioredis, which expects a Unix socket as a plain path. */
export function redisAddress(url: string): string {
  return url.startsWith('unix://') ? url.slice('unix://'.length) : url;
}

/** Reconnects first after 50 ms and then at most 1 s apart, so that the first request after a restart does not wait. */
export function retryDelayMs(attempt: number): number {
  return Math.min(50 * attempt, 1_000);
}

/**
 * When the database of REDIS_URL is refused, ioredis continues in database 0. Services in different databases would
 * lose messages between them. So we drop the connection and try again.
 */
function openRedis(url: string, options: Options): Redis {
  const redis = new Redis(redisAddress(url), { ...options, ...PROTOCOL });
  redis.on('error', (error: Error & { command?: { name: string } }) => {
    if (error.command?.name !== 'select') return;
    // `disconnect` would close the stream in order, and the connection would still become ready. Wait until the next
    // command of the handshake is sent, because it would fail with an error of its own
    setImmediate(() => redis.stream.destroy());
  });
  return redis;
}

/**
 * A client that fails instead of waiting. It has no offline queue and a time limit for every command. It does not
 * resend commands after a lost connection: with ioredis's default, one `add` stored two jobs.
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

/** A client for blocking consumers. It waits for Redis without a time limit, as BullMQ's workers require. */
export function patientRedis(url: string, options: Options = {}): Redis {
  return openRedis(url, {
    maxRetriesPerRequest: null,
    connectTimeout: 2_000,
    retryStrategy: retryDelayMs,
    ...options,
  });
}

/** The share of `maxmemory` in use, from `INFO memory`. 0 when there is no limit. */
export function memoryUsedRatio(info: string): number {
  const figure = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
  const limit = figure('maxmemory');
  return limit === 0 ? 0 : figure('used_memory') / limit;
}

/**
 * `always`: an acknowledged message survives a power failure. `everysec`: a power failure may lose a second of
 * acknowledged messages.
 */
export type RedisFsync = 'always' | 'everysec';

/** The version that BullMQ recommends. Streams, Lua and AOF work the same from this version on. */
const VERSION_MIN = [6, 2] as const;

function versionFault(info: string): string | undefined {
  const version = /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'unknown';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < VERSION_MIN[0] || (major === VERSION_MIN[0] && minor < VERSION_MIN[1]);
  return isOld ? `Redis ${version} is too old: use ${VERSION_MIN.join('.')} or newer` : undefined;
}

/**
 * Checks the settings of Redis that a durable queue needs. Returns one line per fault, with its correction. A setting
 * that cannot be read is a fault. Rejects when Redis is not responding.
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
        faults.push(`Redis has ${name} ${value ?? 'unknown'}: run CONFIG SET ${name} ${String(values[0])}`);
      }
    }
  } catch (error) {
    if (!/NOPERM|unknown command/i.test(String(error))) throw error;
    faults.push(
      refusalOf(error) ??
        'this user may not read the settings of Redis, so its durability is unknown: grant it +config|get and +info',
    );
  }
  return faults;
}
