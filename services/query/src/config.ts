import { readSettings, requireTokenBeyondLoopback } from '@lyftr/shared/env';

/** Throws SettingsError, which names every fault. */
export function readConfig(env: NodeJS.ProcessEnv = process.env) {
  const config = readSettings(env, [
    'QUERY_PORT',
    'HOST',
    'DATA_DIR',
    'REDIS_URL',
    'SEARCH_TIMEOUT_MS',
    'API_TOKEN',
    'WEBHOOK_SECRET',
    'INGEST_URL',
    'WRITER_URL',
    'QUEUES_WRITABLE',
    'ALLOW_ANONYMOUS_READS',
    'TRUSTED_PROXIES',
    'LOG_LEVEL',
  ]);
  requireTokenBeyondLoopback(config);
  const { WEBHOOK_SECRET: secret, INGEST_URL: ingestUrl, WRITER_URL: writerUrl } = config;
  const isComplete = secret !== undefined && ingestUrl !== undefined && writerUrl !== undefined;
  /** With all three, dead letters can be replayed and discarded from the console. */
  const actions = isComplete ? { secret, ingestUrl, writerUrl } : undefined;
  return { ...config, actions };
}
