import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

const FILE = 'webhook-secret';
const SECRET_BYTES = 32;

interface SecretConfig {
  WEBHOOK_SECRET?: string;
  WEBHOOK_SECRET_PREVIOUS?: string;
  DATA_DIR: string;
}

export function secretFile(dataDir: string): string {
  return join(dataDir, FILE);
}

/**
 * The secret in `dataDir`: 64 hex digits, created by the first call and then kept. Only the owner may read the file.
 * The caller holds the lock of the directory. Throws an error of the system.
 */
export function keptSecret(dataDir: string): string {
  const file = secretFile(dataDir);
  try {
    const kept = readFileSync(file, 'utf8').trim();
    chmodSync(file, 0o600);
    if (kept !== '') return kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const secret = randomBytes(SECRET_BYTES).toString('hex');
  // a rename is atomic: a crash cannot leave a part of a secret
  const fd = openSync(`${file}.new`, 'w', 0o600);
  try {
    writeSync(fd, `${secret}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(`${file}.new`, file);
  return secret;
}

/**
 * The secrets to sign with. During a rotation, an ingest process may know only one of the two. Throws as `findSecret`
 * does.
 */
export function findSecrets(config: SecretConfig): string[] {
  const { WEBHOOK_SECRET_PREVIOUS: previous } = config;
  return [findSecret(config), ...(previous === undefined ? [] : [previous])];
}

/** The secret of a command: from the environment, or from `DATA_DIR`. Throws when there is none. */
export function findSecret(config: SecretConfig): string {
  if (config.WEBHOOK_SECRET !== undefined) return config.WEBHOOK_SECRET;
  const file = secretFile(config.DATA_DIR);
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  throw new Error(
    `no secret found: set WEBHOOK_SECRET, or set DATA_DIR to the folder of a running \`lyftr up\` (looked for ${file})`,
  );
}
