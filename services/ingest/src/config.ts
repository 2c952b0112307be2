import {
  readSettings,
  requireLongSecretsBeyondLoopback,
  requireTokenBeyondLoopback,
} from '@lyftr/shared/runtime/env';

export type IngestConfig = ReturnType<typeof readConfig>;

/** Throws SettingsError with every fault. */
export function readConfig() {
  const config = readSettings(
    process.env,
    [
      'PORT',
      'HOST',
      'WEBHOOK_SECRET',
      'WEBHOOK_SECRET_PREVIOUS',
      'REDIS_URL',
      'REDIS_FSYNC',
      'SOURCES_FILE',
      'QUERY_URL',
      'API_TOKEN',
      'ALLOW_ANONYMOUS_READS',
      'INGEST_PROCESSES',
      'MAX_BODY_BYTES',
      'QUEUE_HIGH_WATER',
      'LOG_LEVEL',
      'CRASH_AT',
    ],
    ['WEBHOOK_SECRET'],
  );
  // query listens on loopback and trusts it; forwarding would carry its answers beyond this machine
  if (config.QUERY_URL !== undefined) requireTokenBeyondLoopback(config);
  requireLongSecretsBeyondLoopback(config);
  return config;
}

/** Where the keys of sources may be, by the names that the sources file gives. */
export const keysEnvironment = (): NodeJS.ProcessEnv => process.env;
