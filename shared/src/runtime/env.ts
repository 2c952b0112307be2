/**
 * Reads settings from the environment, once, and validates them with a schema. All invalid settings are reported
 * together.
 */
import { isIP } from 'node:net';
import { Ajv2020, type JSONSchemaType } from 'ajv/dist/2020.js';
import { CRASH_POINTS } from './crash.js';
import { BODY_BYTES_DEFAULT, QUEUE_HIGH_WATER_DEFAULT } from '../limits.js';

/** Invalid settings, one line each. A retry cannot help: exit with 78 (EX_CONFIG). */
export class SettingsError extends Error {
  readonly faults: string[];
  readonly of: 'settings' | 'sources';

  constructor(faults: string[], of: 'settings' | 'sources' = 'settings') {
    super(`${of}: ${faults.join('; ')}`);
    this.name = 'SettingsError';
    this.faults = faults;
    this.of = of;
  }
}

const port = (fallback: number) =>
  ({ type: 'integer', minimum: 0, maximum: 65_535, default: fallback }) as const;
const flag = { type: 'boolean', default: false } as const;
const secret = { type: 'string', minLength: 1 } as const;

/** Every setting of Lyftr. Each service reads a part of them. */
export const SETTINGS = {
  PORT: port(8000),
  QUERY_PORT: port(8001),
  WRITER_PORT: port(8002),
  HOST: { type: 'string', minLength: 1, default: '127.0.0.1' },
  DATA_DIR: { type: 'string', minLength: 1, default: './data' },
  STORE_URL: { type: 'string', pattern: '^[a-z][a-z0-9+.-]*:', default: 'sqlite:' },
  SOURCES_FILE: { type: 'string', minLength: 1 },
  WEBHOOK_SECRET: secret,
  WEBHOOK_SECRET_PREVIOUS: secret,
  REDIS_URL: {
    type: 'string',
    pattern: '^(rediss?://|unix:///)',
    format: 'redis-url',
    default: 'redis://127.0.0.1:6379',
  },
  QUERY_URL: { type: 'string', pattern: '^https?://' },
  INGEST_URL: { type: 'string', pattern: '^https?://' },
  WRITER_URL: { type: 'string', pattern: '^https?://' },
  QUEUES_WRITABLE: flag,
  // only characters that `Authorization: Bearer` can carry
  API_TOKEN: { type: 'string', minLength: 1, pattern: '^\\S+$' },
  ALLOW_ANONYMOUS_READS: flag,
  // the values that Express accepts for `trust proxy`
  TRUSTED_PROXIES: { type: 'string', format: 'proxies', default: 'loopback' },
  INGEST_PROCESSES: { type: 'integer', minimum: 1, maximum: 64, default: 1 },
  MAX_BODY_BYTES: { type: 'integer', minimum: 1024, maximum: 64 * 1024 * 1024, default: BODY_BYTES_DEFAULT },
  REDIS_FSYNC: { type: 'string', enum: ['always', 'everysec'], default: 'always' },
  QUEUE_HIGH_WATER: { type: 'integer', minimum: 1, default: QUEUE_HIGH_WATER_DEFAULT },
  RETENTION_DAYS: { type: 'integer', minimum: 1, maximum: 36_500 },
  SEARCH_TIMEOUT_MS: { type: 'integer', minimum: 100, maximum: 600_000, default: 5_000 },
  LOG_LEVEL: {
    type: 'string',
    enum: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    default: 'info',
  },
  CRASH_AT: { type: 'string', enum: CRASH_POINTS },
} as const;

type Settings = typeof SETTINGS;
export type SettingName = keyof Settings;

type ValueOf<S> = S extends { type: 'integer' }
  ? number
  : S extends { type: 'boolean' }
    ? boolean
    : S extends { enum: readonly (infer V)[] }
      ? V
      : string;

/** Required settings and settings with a default are always present. The others are optional. */
export type Config<N extends SettingName, R extends N = never> = Readonly<
  {
    [K in N as K extends R ? K : Settings[K] extends { default: unknown } ? K : never]: ValueOf<Settings[K]>;
  } & {
    [K in N as K extends R ? never : Settings[K] extends { default: unknown } ? never : K]?: ValueOf<
      Settings[K]
    >;
  }
>;

/**
 * A `/`, `?` or `#` in a password ends the host part of a URL. The rest of the password would then be read as a port
 * and a path, and would appear in the log.
 */
function isRedisUrl(url: string): boolean {
  if (!/^rediss?:/.test(url)) return true;
  try {
    const { username, password, hostname, pathname, search, hash } = new URL(url);
    decodeURIComponent(username + password);
    return hostname !== '' && /^(\/\d*)?$/.test(pathname) && hash === '' && !search.includes('@');
  } catch {
    return false;
  }
}

const PROXY_RANGES = new Set(['loopback', 'linklocal', 'uniquelocal']);

/** Validates a comma-separated list of addresses, networks (`10.0.0.0/8`) and names of ranges. */
function areProxies(list: string): boolean {
  return list.split(',').every((entry) => {
    const [address = '', bits, ...rest] = entry.trim().split('/');
    const version = isIP(address);
    if (version === 0) return bits === undefined && PROXY_RANGES.has(address);
    const bitsMax = version === 4 ? 32 : 128;
    return rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= bitsMax));
  });
}

const ajv = new Ajv2020({
  coerceTypes: true,
  useDefaults: true,
  allErrors: true,
  strict: true,
  formats: { 'redis-url': isRedisUrl, proxies: areProxies },
});

const FLAGS: Record<string, string> = { '1': 'true', '0': 'false', yes: 'true', no: 'false' };

/**
 * Reads the named settings. An empty variable counts as set: an empty secret is invalid and does not select the
 * default. Throws SettingsError. Its text never contains a value, which may be a secret.
 */
export function readSettings<const N extends SettingName, const R extends N = never>(
  env: NodeJS.ProcessEnv,
  names: readonly N[],
  required: readonly R[] = [],
): Config<N, R> {
  const values: Record<string, unknown> = {};
  for (const name of names) {
    const value = env[name];
    if (value === undefined) continue;
    const isFlag = (SETTINGS[name] as { type: string }).type === 'boolean';
    values[name] = isFlag ? (FLAGS[value.toLowerCase()] ?? value) : value;
  }
  const properties = Object.fromEntries(names.map((name) => [name, SETTINGS[name]]));
  const schema = {
    type: 'object',
    properties,
    required: [...required],
  } as unknown as JSONSchemaType<unknown>;
  const validate = ajv.compile(schema);
  if (!validate(values)) {
    throw new SettingsError(
      (validate.errors ?? []).map((error) => {
        if (error.keyword === 'required') return `${String(error.params['missingProperty'])} is required`;
        const name = error.instancePath.slice(1);
        if (error.keyword === 'enum')
          return `${name} must be one of ${error.params['allowedValues'].join(', ')}`;
        if (error.keyword === 'minLength') return `${name} must not be empty`;
        if (name === 'TRUSTED_PROXIES')
          return `${name} must be a comma-separated list of IP addresses, networks such as 10.0.0.0/8, loopback, linklocal or uniquelocal`;
        if (error.keyword === 'format')
          return `${name} must have the form rediss://user:password@host:6379/0; percent-encode special characters in the password as %XX`;
        if (name === 'REDIS_URL') return `${name} must start with redis://, rediss:// or unix:///`;
        return `${name} ${error.message ?? 'is invalid'}`;
      }),
    );
  }
  return Object.freeze(values) as Config<N, R>;
}

const isLoopback = (host: string) =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

/**
 * Messages are private. A service that other machines can read from needs API_TOKEN or ALLOW_ANONYMOUS_READS. Throws
 * SettingsError.
 */
export function requireTokenBeyondLoopback(config: {
  HOST: string;
  API_TOKEN?: string;
  ALLOW_ANONYMOUS_READS: boolean;
}): void {
  if (isLoopback(config.HOST) || config.API_TOKEN !== undefined || config.ALLOW_ANONYMOUS_READS) return;
  throw new SettingsError([
    `HOST ${config.HOST} makes messages readable from other machines: set API_TOKEN, or allow it with ALLOW_ANONYMOUS_READS=1`,
  ]);
}

/** The length of a random 128-bit key. An attacker who sees one signed body can try short secrets offline. */
const SECRET_BYTES_MIN = 16;
const SECRETS = ['WEBHOOK_SECRET', 'WEBHOOK_SECRET_PREVIOUS', 'API_TOKEN'] as const;

/** A service that other machines can reach needs secrets that cannot be guessed. Throws SettingsError. */
export function requireLongSecretsBeyondLoopback(
  config: { HOST: string } & { [name in (typeof SECRETS)[number]]?: string },
): void {
  if (isLoopback(config.HOST)) return;
  const short = SECRETS.filter((name) => {
    const value = config[name];
    return value !== undefined && Buffer.byteLength(value) < SECRET_BYTES_MIN;
  });
  if (short.length === 0) return;
  throw new SettingsError(
    short.map((name) => `${name} must have at least ${SECRET_BYTES_MIN} bytes when HOST is ${config.HOST}`),
  );
}
