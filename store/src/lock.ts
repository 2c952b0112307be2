/**
 * One `lyftr up` per data directory. The lock is SQLite's own, on an empty file inside the directory: every start finds
 * it whatever its TMPDIR, and the kernel frees it with its process, however that ends.
 */
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

export class LockTakenError extends Error {
  /** Undefined when it cannot be read. */
  readonly pid: number | undefined;

  constructor(pid: number | undefined) {
    super(`the lock is held by ${pid === undefined ? 'another process' : `process ${pid}`}`);
    this.name = 'LockTakenError';
    this.pid = pid;
  }
}

export interface Lock {
  /** The previous holder was killed: what it started may still be running. */
  readonly leftBehind: boolean;
  release(): void;
}

function readPid(file: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
    return Number.isNaN(pid) ? undefined : pid;
  } catch {
    return undefined;
  }
}

/** Throws LockTakenError while another process holds the lock of `dataDir`, or the system's error. */
export function takeLock(dataDir: string): Lock {
  const file = join(dataDir, 'lyftr.lock');
  const pidFile = join(dataDir, 'lyftr.pid');
  const database = new Database(file, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
    chmodSync(file, 0o600);
    const leftBehind = existsSync(pidFile);
    writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
    return {
      leftBehind,
      release() {
        rmSync(pidFile, { force: true });
        database.close();
      },
    };
  } catch (error) {
    database.close();
    const isTaken = error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
    throw isTaken ? new LockTakenError(readPid(pidFile)) : error;
  }
}
