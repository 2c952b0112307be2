/** Peer (d): better-sqlite3 inserts the same rows, with the same tables and indexes, in transactions of 500 from memory. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { bodyOf } from './requests.js';

const SCHEMA = fileURLToPath(new URL('../../store/migrations/sqlite/001-initial.sql', import.meta.url));
const TRANSACTION_ROWS = 500;

interface Message {
  message_id: string;
  from: string;
  to: string;
  ts: number;
  text: string;
}

/** Rows stored per second. */
export function measureCeiling(dir: string, rows: number): number {
  const messages = Array.from({ length: rows }, (_, i) => JSON.parse(bodyOf(i)) as Message);
  const folder = mkdtempSync(join(dir, 'ceiling-'));
  const database = new Database(join(folder, 'ceiling.db'));
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec(readFileSync(SCHEMA, 'utf8'));
  const insert = database.prepare(
    'INSERT INTO messages (message_id, sender, recipient, ts, text) VALUES (?, ?, ?, ?, ?) ON CONFLICT (message_id) DO NOTHING',
  );
  const transaction = database.transaction((from: number) => {
    for (const { message_id, from: sender, to, ts, text } of messages.slice(from, from + TRANSACTION_ROWS)) {
      insert.run(message_id, sender, to, ts, text);
    }
  });
  const startedAt = performance.now();
  for (let from = 0; from < rows; from += TRANSACTION_ROWS) transaction.immediate(from);
  const seconds = (performance.now() - startedAt) / 1_000;
  database.close();
  rmSync(folder, { recursive: true });
  return rows / seconds;
}
