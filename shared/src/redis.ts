import { Redis, type RedisOptions } from 'ioredis';

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
 * A client that fails instead of waiting: no offline queue, no resend of commands whose fate is unknown (ioredis's
 * default resend made one `add` store two jobs), and an end to every command.
 */
export function failFastRedis(url: string, commandTimeoutMs: number, options: Options = {}): Redis {
  return new Redis(redisAddress(url), {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    commandTimeout: commandTimeoutMs,
    connectTimeout: 2_000,
    retryStrategy: retryDelayMs,
    ...options,
    ...PROTOCOL,
  });
}

/** A client for blocking consumers: waits for Redis as long as it takes, as BullMQ's workers demand. */
export function patientRedis(url: string, options: Options = {}): Redis {
  return new Redis(redisAddress(url), {
    maxRetriesPerRequest: null,
    connectTimeout: 2_000,
    retryStrategy: retryDelayMs,
    ...options,
    ...PROTOCOL,
  });
}

/** What a durable queue needs of Redis, and the change that mends it. Empty when all is well. */
export async function durabilityFaults(redis: Redis): Promise<string[]> {
  const config = new Map<string, string>();
  for (const name of ['appendonly', 'appendfsync', 'maxmemory-policy']) {
    const reply = await redis.config('GET', name);
    if (reply[1] !== undefined) config.set(name, reply[1]);
  }
  const wanted: [string, string][] = [
    ['appendonly', 'yes'],
    ['appendfsync', 'always'],
    ['maxmemory-policy', 'noeviction'],
  ];
  return wanted
    .filter(([name, value]) => config.get(name) !== value)
    .map(
      ([name, value]) => `Redis has ${name} ${config.get(name) ?? 'unknown'}: CONFIG SET ${name} ${value}`,
    );
}
