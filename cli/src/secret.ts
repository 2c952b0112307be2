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
 * The secret kept in `dataDir`: 64 hex digits, made at the first call and the same at every later one. The file is
 * readable by its owner alone. The caller holds the directory's lock. Throws the system's error.
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
  // a rename is all or nothing: a crash leaves no half of a secret that senders were never given
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

/** While the secret is being rotated, an ingest process may know only one of the two. Throws as `findSecret` does. */
export function findSecrets(config: SecretConfig): string[] {
  const { WEBHOOK_SECRET_PREVIOUS: previous } = config;
  return [findSecret(config), ...(previous === undefined ? [] : [previous])];
}

/** The secret with which a command signs: that of the environment, or the one kept in `DATA_DIR`. Throws when there is none. */
export function findSecret(config: SecretConfig): string {
  if (config.WEBHOOK_SECRET !== undefined) return config.WEBHOOK_SECRET;
  const file = secretFile(config.DATA_DIR);
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  throw new Error(
    `no secret: set WEBHOOK_SECRET, or DATA_DIR to the folder of a running \`lyftr up\` (looked for ${file})`,
  );
}
