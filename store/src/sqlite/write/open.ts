import Database from 'better-sqlite3';
import { DATABASE_BUSY_MS } from '@lyftr/shared/limits';
import { migrate } from '../migrate.js';

/** Pages of 4 KiB between checkpoints: fewer checkpoints while a burst is stored, and still only 64 MiB of WAL. */
const CHECKPOINT_PAGES = 16_384;
const CACHE_KIB = 64 * 1_024;
const SYNCHRONOUS_FULL = 2;

/** Opens the file, or makes it. Throws when a commit would not be durable. */
export function openDatabase(file: string): Database.Database {
  const database = new Database(file, { timeout: DATABASE_BUSY_MS });
  database.pragma('journal_mode = WAL');
  // behind the switch to WAL: better-sqlite3 is compiled to NORMAL there, which commits without an fsync
  database.pragma('synchronous = FULL');
  database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  database.pragma(`cache_size = -${CACHE_KIB}`);
  database.pragma('temp_store = MEMORY');
  migrate(database);
  // a write first: the setting that counts is the one in force after it
  database.exec("UPDATE counters SET value = value WHERE name = 'created'");
  const synchronous = database.pragma('synchronous', { simple: true });
  if (synchronous !== SYNCHRONOUS_FULL)
    throw new Error(`PRAGMA synchronous is ${String(synchronous)}, not FULL`);
  return database;
}
