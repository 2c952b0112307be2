/** The one reader of the environment in this package. */
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

/** A port that two services share is a fault of the settings; 0 stands for any free one. */
function samePortFaults(ports: Record<PortSetting, number>): string[] {
  const faults: string[] = [];
  PORT_SETTINGS.forEach((name, i) => {
    for (const other of PORT_SETTINGS.slice(i + 1)) {
      if (ports[name] !== 0 && ports[name] === ports[other])
        faults.push(`${name} and ${other} are both ${ports[name]}`);
    }
  });
  return faults;
}

/** Makes the directory, readable by its owner alone: it holds private messages and the secret. */
function makeDataDir(path: string): string {
  const absolute = resolve(path);
  try {
    mkdirSync(absolute, { recursive: true, mode: 0o700 });
    return realpathSync(absolute);
  } catch (error) {
    throw new SettingsError([`DATA_DIR ${absolute} cannot be made: ${(error as Error).message}`]);
  }
}

/** Reads, checks and completes the settings of `lyftr up`. Throws SettingsError with every fault. */
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
    /** No REDIS_URL means a redis-server of our own, not the default address. */
    ownRedis: env['REDIS_URL'] === undefined,
    /** What the children inherit. */
    env,
    searchPath: env['PATH'] ?? '',
    isTty,
    color: isTty && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
  };
}

export type ClientConfig = ReturnType<typeof readClientConfig>;

/** What a command needs to speak to a running system. */
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
  ]);
  return { ...settings, isTty: process.stderr.isTTY };
}
