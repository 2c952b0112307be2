import {
  readSettings,
  requireLongSecretsBeyondLoopback,
  requireTokenBeyondLoopback,
} from '@lyftr/shared/runtime/env';

/** Throws SettingsError with all invalid settings. */
export function readConfig(env: NodeJS.ProcessEnv = process.env) {
  const config = readSettings(env, [
    'QUERY_PORT',
    'HOST',
    'DATA_DIR',
    'STORE_URL',
    'REDIS_URL',
    'SOURCES_FILE',
    'SEARCH_TIMEOUT_MS',
    'API_TOKEN',
    'WEBHOOK_SECRET',
    'WEBHOOK_SECRET_PREVIOUS',
    'INGEST_URL',
    'QUEUES_WRITABLE',
    'ALLOW_ANONYMOUS_READS',
    'TRUSTED_PROXIES',
    'LOG_LEVEL',
  ]);
  requireTokenBeyondLoopback(config);
  requireLongSecretsBeyondLoopback(config);
  const { WEBHOOK_SECRET: secret, WEBHOOK_SECRET_PREVIOUS: previous, INGEST_URL: url } = config;
  const secrets = [secret, previous].filter((each) => each !== undefined);
  /** The settings for replays from the console, or undefined. */
  const intake = secret === undefined || url === undefined ? undefined : { url, secrets };
  return { ...config, intake };
}

/** Where the keys of the sources file may be. */
export const keysEnvironment = (): NodeJS.ProcessEnv => process.env;
