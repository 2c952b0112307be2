import Database from 'better-sqlite3';
import { DATABASE_BUSY_MS } from '@lyftr/shared/limits';
import { migrate } from '../migrate.js';

/** Pages of 4 KiB between checkpoints. This gives few checkpoints during a burst, and a WAL of 64 MiB at most. */
const CHECKPOINT_PAGES = 16_384;
const CACHE_KIB = 64 * 1_024;
const SYNCHRONOUS_FULL = 2;

/** Opens or creates the file. Throws when a commit would not be durable. */
export function openDatabase(file: string): Database.Database {
  const database = new Database(file, { timeout: DATABASE_BUSY_MS });
  database.pragma('journal_mode = WAL');
  // set this after the switch to WAL: there, better-sqlite3 defaults to NORMAL, which commits without an fsync
  database.pragma('synchronous = FULL');
  database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  database.pragma(`cache_size = -${CACHE_KIB}`);
  database.pragma('temp_store = MEMORY');
  migrate(database);
  // write first, because the setting may change with the first write
  database.exec("UPDATE counters SET value = value WHERE name = 'created'");
  const synchronous = database.pragma('synchronous', { simple: true });
  if (synchronous !== SYNCHRONOUS_FULL)
    throw new Error(`PRAGMA synchronous is ${String(synchronous)}, not FULL`);
  return database;
}
