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
    'ALLOW_ANONYMOUS_READS',
    'LOG_LEVEL',
  ]);
  requireTokenBeyondLoopback(config);
  return config;
}
