/** The only code that writes messages. One call of `commit` is one transaction. */
import Database from 'better-sqlite3';
import { OUTCOMES, type Outcome } from '@lyftr/shared/database';
import type { Envelope, MessageTuple } from '@lyftr/shared/job';
import { DATABASE_BUSY_MS } from '@lyftr/shared/limits';
import { createLedger } from './ledger.js';
import { migrate } from './migrate.js';
import { createTextIndex, type TextIndex } from './text-index.js';

/** Pages of 4 KiB between checkpoints: fewer checkpoints while a burst is stored, and still only 64 MiB of WAL. */
const CHECKPOINT_PAGES = 16_384;
const CACHE_KIB = 64 * 1_024;
const SYNCHRONOUS_FULL = 2;

/** A batch as it left the queue: an envelope, or what is left of one that cannot be read. */
export type Batch = Envelope | { corrupt: string; reason: string };

export type Outcomes = Record<Outcome, number>;

export interface Store {
  readonly textIndex: TextIndex;
  /**
   * Stores every batch, or throws and stores none: what it throws is the disk's or the database's fault, never a
   * message's. A message that cannot be stored for its own sake goes to `dead_letters` in the same transaction.
   */
  commit(batches: readonly Batch[]): Outcomes;
  /** Totals of all time, as of the last commit. */
  outcomes(): Outcomes;
  /** Messages settled, by producer. */
  settled(): { producer: string; settled: number }[];
  close(): void;
}

/** Opens the file, or makes it. Throws when a commit would not be durable. */
function openDatabase(file: string): Database.Database {
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

const isConstraint = (error: unknown): boolean =>
  error instanceof Database.SqliteError &&
  (error.code.startsWith('SQLITE_CONSTRAINT') || error.code === 'SQLITE_TOOBIG');

const bump = <K>(counts: Map<K, number>, key: K): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};

export function openStore(file: string): Store {
  const database = openDatabase(file);
  const ledger = createLedger(database);
  const textIndex = createTextIndex(database);

  const insert = database.prepare<[number, string, string, string, number, string, string | null]>(
    `INSERT INTO messages (seq, message_id, sender, recipient, ts, text, extra) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (message_id) DO NOTHING`,
  );
  const addToSender = database.prepare<[string, number]>(
    `INSERT INTO sender_rollup (sender, messages) VALUES (?, ?)
     ON CONFLICT (sender) DO UPDATE SET messages = messages + excluded.messages`,
  );
  const addToHour = database.prepare<[number, number]>(
    `INSERT INTO hour_rollup (hour, messages) VALUES (?, ?)
     ON CONFLICT (hour) DO UPDATE SET messages = messages + excluded.messages`,
  );
  const addToCounter = database.prepare<[number, string]>(
    'UPDATE counters SET value = value + ? WHERE name = ?',
  );
  const putAside = database.prepare<[string, string, number]>(
    'INSERT INTO dead_letters (reason, raw, received_at) VALUES (?, ?, ?)',
  );
  const readCounters = database.prepare<[], { name: Outcome; value: number }>(
    'SELECT name, value FROM counters',
  );
  const readSettled = database.prepare<[], { producer: string; settled: number }>(
    'SELECT producer, settled FROM producers',
  );
  // seq is never used again, not even when the newest rows have been removed: the text index knows rows by it
  let lastSeq = database
    .prepare<[], number>(
      'SELECT max((SELECT coalesce(max(seq), 0) FROM messages), watermark) FROM text_index',
    )
    .pluck()
    .get() as number;

  /** One transaction's work that is summed up before it is written. */
  interface Tally {
    outcomes: Outcomes;
    senders: Map<string, number>;
    hours: Map<number, number>;
  }

  function storeMessage(message: MessageTuple, receivedAt: number, tally: Tally): void {
    const [id, from, to, ts, text, extra] = message;
    try {
      const { changes } = insert.run(lastSeq + 1, id, from, to, ts, text, extra ?? null);
      if (changes === 0) {
        tally.outcomes.duplicate++;
        return;
      }
      lastSeq++;
      tally.outcomes.created++;
      bump(tally.senders, from);
      bump(tally.hours, Math.floor(ts / 3_600));
    } catch (error) {
      if (!isConstraint(error)) throw error;
      putAside.run(String(error), JSON.stringify(message), receivedAt);
      tally.outcomes.dead_letter++;
    }
  }

  function storeBatch(batch: Batch, tally: Tally): void {
    if ('corrupt' in batch) {
      putAside.run(batch.reason, batch.corrupt, Date.now());
      tally.outcomes.dead_letter++;
      return;
    }
    if (!ledger.note(batch.producer, batch.seq, batch.messages.length)) return;
    for (const message of batch.messages) storeMessage(message, batch.at, tally);
  }

  const commit = database.transaction((batches: readonly Batch[]): Outcomes => {
    const tally: Tally = {
      outcomes: { created: 0, duplicate: 0, dead_letter: 0 },
      senders: new Map(),
      hours: new Map(),
    };
    for (const batch of batches) storeBatch(batch, tally);
    for (const [sender, messages] of tally.senders) addToSender.run(sender, messages);
    for (const [hour, messages] of tally.hours) addToHour.run(hour, messages);
    for (const name of OUTCOMES) {
      if (tally.outcomes[name] > 0) addToCounter.run(tally.outcomes[name], name);
    }
    ledger.save();
    return tally.outcomes;
  });

  function readOutcomes(): Outcomes {
    return Object.fromEntries(readCounters.all().map(({ name, value }) => [name, value])) as Outcomes;
  }
  const totals = readOutcomes();

  return {
    textIndex,
    commit(batches) {
      const seqBefore = lastSeq;
      try {
        const outcomes = commit.immediate(batches);
        for (const name of OUTCOMES) totals[name] += outcomes[name];
        return outcomes;
      } catch (error) {
        lastSeq = seqBefore;
        ledger.forget();
        throw error;
      }
    },
    outcomes: () => ({ ...totals }),
    settled: () => readSettled.all(),
    close() {
      database.close();
    },
  };
}
