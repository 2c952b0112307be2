/** Reads the environment. No other file of this package does. */
import { mkdirSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  readSettings,
  requireLongSecretsBeyondLoopback,
  requireTokenBeyondLoopback,
  SettingsError,
} from '@lyftr/shared/runtime/env';

export type UpConfig = ReturnType<typeof readConfig>;

const PORT_SETTINGS = ['PORT', 'QUERY_PORT', 'WRITER_PORT'] as const;
export type PortSetting = (typeof PORT_SETTINGS)[number];

/** Two services must not share a port. 0 means any free port. */
function samePortFaults(ports: Record<PortSetting, number>): string[] {
  const faults: string[] = [];
  PORT_SETTINGS.forEach((name, i) => {
    for (const other of PORT_SETTINGS.slice(i + 1)) {
      if (ports[name] !== 0 && ports[name] === ports[other])
        faults.push(`${name} and ${other} must differ; both are ${ports[name]}`);
    }
  });
  return faults;
}

/** Creates the directory. Only its owner may read it, because it contains private messages and the secret. */
function makeDataDir(path: string): string {
  const absolute = resolve(path);
  try {
    mkdirSync(absolute, { recursive: true, mode: 0o700 });
    return realpathSync(absolute);
  } catch (error) {
    throw new SettingsError([`DATA_DIR ${absolute} cannot be created: ${(error as Error).message}`]);
  }
}

/** Reads and validates the settings of `lyftr up`. Throws SettingsError with all invalid settings. */
export function readConfig(env: NodeJS.ProcessEnv = process.env) {
  const settings = readSettings(env, [
    ...PORT_SETTINGS,
    'HOST',
    'DATA_DIR',
    'WEBHOOK_SECRET',
    'WEBHOOK_SECRET_PREVIOUS',
    'REDIS_URL',
    'API_TOKEN',
    'ALLOW_ANONYMOUS_READS',
    'INGEST_PROCESSES',
    'MAX_BODY_BYTES',
    'QUEUE_HIGH_WATER',
    'SOURCES_FILE',
    'LOG_LEVEL',
  ]);
  const isTty = process.stdout.isTTY;
  const faults = samePortFaults(settings);
  if (faults.length > 0) throw new SettingsError(faults);
  requireTokenBeyondLoopback(settings);
  requireLongSecretsBeyondLoopback(settings);
  return {
    ...settings,
    DATA_DIR: makeDataDir(settings.DATA_DIR),
    /** Without REDIS_URL, we run our own redis-server and do not use the default address. */
    ownRedis: env['REDIS_URL'] === undefined,
    /** The environment of the children. */
    env,
    searchPath: env['PATH'] ?? '',
    isTty,
    color: isTty && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
  };
}

export type ClientConfig = ReturnType<typeof readClientConfig>;

/** Reads the settings that a command needs to reach a running system. */
export function readClientConfig(env: NodeJS.ProcessEnv = process.env) {
  const settings = readSettings(env, [
    'PORT',
    'INGEST_URL',
    'DATA_DIR',
    'STORE_URL',
    'WEBHOOK_SECRET',
    'WEBHOOK_SECRET_PREVIOUS',
    'API_TOKEN',
    'MAX_BODY_BYTES',
    'SOURCES_FILE',
  ]);
  return { ...settings, isTty: process.stderr.isTTY };
}

/** Where the keys of a sources file may be. */
export const currentEnv = (): NodeJS.ProcessEnv => process.env;
