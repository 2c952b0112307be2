import {
  readSettings,
  requireLongSecretsBeyondLoopback,
  requireTokenBeyondLoopback,
} from '@lyftr/shared/runtime/env';

/** Throws SettingsError with all invalid settings. */
export function readConfig() {
  const config = readSettings(process.env, [
    'WRITER_PORT',
    'WRITER_URL',
    'HOST',
    'DATA_DIR',
    'STORE_URL',
    'REDIS_URL',
    'SOURCES_FILE',
    'RETENTION_DAYS',
    'API_TOKEN',
    'ALLOW_ANONYMOUS_READS',
    'LOG_LEVEL',
    'CRASH_AT',
  ]);
  requireTokenBeyondLoopback(config);
  requireLongSecretsBeyondLoopback(config);
  return config;
}

/** Where the keys of the sources file may be. */
export const keysEnvironment = (): NodeJS.ProcessEnv => process.env;
