/** The operations for an operator: audit, repair, backup. */
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { DATABASE_BUSY_MS } from '@lyftr/shared/limits';
import type { AdminStore, AuditLine } from '../../store.js';
import { databaseFile } from '../format.js';
import { copyChecked } from './copy.js';
import { LockTakenError, takeLock, type Lock } from '../../lock.js';
import { inspect, repair } from './report.js';

/** Audits in one read transaction. The writer continues, and the audit does not see its commits. */
function auditOnline(file: string, full: boolean): AuditLine[] {
  const database = new Database(file, { readonly: true, timeout: DATABASE_BUSY_MS });
  try {
    database.pragma('temp_store = MEMORY');
    database.exec('BEGIN');
    return inspect(database, full);
  } finally {
    // closing also ends the transaction; COMMIT would fail on a damaged file even without changes
    database.close();
  }
}

/** Repairs with an exclusive lock, which fails while any other process has the file open. */
function repairOffline(file: string, full: boolean): AuditLine[] {
  const database = new Database(file, { fileMustExist: true, timeout: DATABASE_BUSY_MS });
  try {
    database.pragma('locking_mode = EXCLUSIVE');
    database.pragma('synchronous = FULL');
    database.pragma('temp_store = MEMORY');
    database.exec('BEGIN EXCLUSIVE');
    const lines = repair(database, full, inspect(database, full));
    if (lines.some(({ state }) => state === 'repaired')) database.exec('COMMIT');
    return lines;
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY'))
      throw new Error(
        `nothing was repaired: another process has ${file} open. Stop the writer and the query service first`,
        { cause: error },
      );
    throw error;
  } finally {
    database.close();
  }
}

/** Holds the lock of the directory, so that `lyftr up` cannot start in the meantime. */
function whileNothingRuns<T>(dataDir: string, work: () => T): T {
  let lock: Lock;
  try {
    lock = takeLock(dataDir);
  } catch (error) {
    if (!(error instanceof LockTakenError)) throw error;
    throw new Error(
      `nothing was repaired: Lyftr is running on ${dataDir} (${error.message}). Stop it first`,
      {
        cause: error,
      },
    );
  }
  try {
    return work();
  } finally {
    lock.release();
  }
}

/** Throws when `dataDir` contains no database. */
export function openSqliteAdminStore(dataDir: string): AdminStore {
  const file = databaseFile(dataDir);
  if (!existsSync(file)) throw new Error(`there is no database at ${file}: set DATA_DIR to its folder`);
  return {
    location: file,
    audit: async (full) => auditOnline(file, full),
    repair: async (full) => whileNothingRuns(dataDir, () => repairOffline(file, full)),
    backup: (target, progress) => copyChecked(file, target, progress),
    requireElsewhere(path) {
      const target = join(realpathSync(dirname(resolve(path))), basename(path));
      const source = realpathSync(file);
      if (['', '-wal', '-shm'].some((suffix) => target === `${source}${suffix}`))
        throw new Error(`${path} is a file of the database itself`);
    },
  };
}
