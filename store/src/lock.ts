/**
 * Allows one `lyftr up` per data directory. The lock is a lock of SQLite on an empty file in the directory. Every
 * start finds it, whatever its TMPDIR, and the kernel releases it when the process ends.
 */
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

export class LockTakenError extends Error {
  /** Undefined when the pid cannot be read. */
  readonly pid: number | undefined;

  constructor(pid: number | undefined) {
    super(`the lock is held by ${pid === undefined ? 'another process' : `process ${pid}`}`);
    this.name = 'LockTakenError';
    this.pid = pid;
  }
}

export interface Lock {
  /** True when the previous holder was killed. The processes that it started may still run. */
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

/** Throws LockTakenError while another process holds the lock of `dataDir`, or an error of the system. */
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
