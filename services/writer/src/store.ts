/** The only code that writes messages. One call of `commit` is one transaction. */
import Database from 'better-sqlite3';
import { crashPoint } from '@lyftr/shared/crash';
import { CONFLICTING_DUPLICATE, OUTCOMES, REMOVED, type Outcome } from '@lyftr/shared/database';
import type { Envelope, MessageTuple } from '@lyftr/shared/job';
import { DATABASE_BUSY_MS } from '@lyftr/shared/limits';
import { FINISHED } from '@lyftr/shared/metrics';
import type { Batches } from '@lyftr/shared/missing';
import { createAccount, type Claim, type Lost } from './account.js';
import { createDeadLetters } from './dead-letters.js';
import { raiseFence } from './fence.js';
import { createLedger } from './ledger.js';
import { migrate } from './migrate.js';
import { createRollups, type Counted } from './rollups.js';
import { createTextIndex, type TextIndex } from './text-index.js';

/** Pages of 4 KiB between checkpoints: fewer checkpoints while a burst is stored, and still only 64 MiB of WAL. */
const CHECKPOINT_PAGES = 16_384;
const CACHE_KIB = 64 * 1_024;
const SYNCHRONOUS_FULL = 2;

/** A batch as it left the queue: an envelope, or what is left of one that cannot be read. */
export type Batch = Envelope | { corrupt: string; reason: string };

export type Outcomes = Record<Outcome | typeof CONFLICTING_DUPLICATE, number>;

const COUNTERS = [...OUTCOMES, CONFLICTING_DUPLICATE] as const;

export interface Store {
  readonly textIndex: TextIndex;
  /**
   * Stores every batch, or throws and stores none: FencedError when another writer has taken over, else what the disk
   * or the database threw; never a message's fault. A message that cannot be stored for its own sake goes to `dead_letters` in the same transaction.
   */
  commit(batches: readonly Batch[]): Outcomes;
  /** Removes a dead letter. Returns false when there is none of that number. */
  discard(deadLetterId: number): boolean;
  /** Removes up to `rowsMax` messages with `ts` before `beforeTs`, the oldest first; returns how many. */
  removeOld(beforeTs: number, rowsMax: number): number;
  /** Totals of all time, as of the last commit. */
  outcomes(): Outcomes;
  /** Sums up those of `claims` that are settled to the last batch, and returns them; they are published no more. */
  finish(claims: readonly Claim[]): Claim[];
  /** Sums up everybody but these and those of which it has stored something since it was opened. */
  finishOthers(producers: readonly string[]): void;
  /** Messages that all who finished have settled; and the same with what of it was written off. */
  finished(): { sum: number; settled: number };
  /** Gives up what of `claims` is lost, unless `demand` throws, and returns it. `queued` are the batches in the queue. */
  writeOff(claims: readonly Claim[], queued: Batches, demand: (lost: readonly Lost[]) => void): Lost[];
  /** Has `settled` name these producers too, beside those of which it has stored something since. */
  publish(producers: readonly string[]): void;
  /** Messages settled or written off, by producer; also of a store that is closed. */
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

/** From here on no other writer that had opened the file before can commit. `instance` names this one. */
export function openStore(file: string, instance: string): Store {
  const database = openDatabase(file);
  const checkFence = raiseFence(database, instance);
  const ledger = createLedger(database);
  const account = createAccount(database);
  const deadLetters = createDeadLetters(database);
  const rollups = createRollups(database);
  const textIndex = createTextIndex(database, checkFence);

  const insert = database.prepare<[number, string, string, string, number, string, string | null]>(
    `INSERT INTO messages (seq, message_id, sender, recipient, ts, text, extra) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (message_id) DO NOTHING`,
  );
  const addToCounter = database.prepare<[number, string]>(
    'UPDATE counters SET value = value + ? WHERE name = ?',
  );
  const readStored = database.prepare<[string], [string, string, number, string, string | null]>(
    'SELECT sender, recipient, ts, text, extra FROM messages WHERE message_id = ?',
  );
  readStored.raw();
  const readCounter = database.prepare<[string], number>('SELECT value FROM counters WHERE name = ?').pluck();
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
    created: Counted[];
  }

  /** The first delivery has won. A later one that says something else is kept where a person can look at it. */
  function keepIfConflicting(message: MessageTuple, receivedAt: number, tally: Tally): void {
    const [messageId, from, to, ts, text, extra = null] = message;
    const stored = readStored.get(messageId);
    const isSame =
      stored !== undefined && [from, to, ts, text, extra].every((value, i) => value === stored[i]);
    if (isSame) return;
    tally.outcomes.conflicting_duplicate++;
    const reason = 'another content than the message that is stored under this id';
    deadLetters.add({
      kind: CONFLICTING_DUPLICATE,
      reason,
      raw: JSON.stringify(message),
      messageId,
      receivedAt,
    });
  }

  function storeMessage(message: MessageTuple, receivedAt: number, tally: Tally): void {
    const [id, from, to, ts, text, extra] = message;
    try {
      const { changes } = insert.run(lastSeq + 1, id, from, to, ts, text, extra ?? null);
      if (changes === 0) {
        tally.outcomes.duplicate++;
        keepIfConflicting(message, receivedAt, tally);
        return;
      }
      lastSeq++;
      tally.outcomes.created++;
      tally.created.push({ sender: from, recipient: to, ts });
    } catch (error) {
      if (!isConstraint(error)) throw error;
      deadLetters.add({
        kind: 'unstorable_message',
        reason: String(error),
        raw: JSON.stringify(message),
        ...(typeof id === 'string' ? { messageId: id } : {}),
        receivedAt,
      });
      tally.outcomes.dead_letter++;
    }
  }

  function storeBatch(batch: Batch, tally: Tally): void {
    if ('corrupt' in batch) {
      deadLetters.add({
        kind: 'corrupt_envelope',
        reason: batch.reason,
        raw: batch.corrupt,
        receivedAt: Date.now(),
      });
      tally.outcomes.dead_letter++;
      return;
    }
    if (!ledger.note(batch.producer, batch.seq, batch.messages.length)) return;
    account.arrived(batch.producer, batch.seq, batch.messages.length);
    for (const message of batch.messages) storeMessage(message, batch.at, tally);
  }

  const commit = database.transaction((batches: readonly Batch[]): Outcomes => {
    checkFence();
    const tally: Tally = {
      outcomes: { created: 0, duplicate: 0, dead_letter: 0, conflicting_duplicate: 0 },
      created: [],
    };
    for (const batch of batches) storeBatch(batch, tally);
    rollups.add(tally.created);
    for (const name of COUNTERS) {
      if (tally.outcomes[name] > 0) addToCounter.run(tally.outcomes[name], name);
    }
    ledger.save();
    crashPoint('before-commit');
    return tally.outcomes;
  });

  const discard = database.transaction((id: number): boolean => {
    checkFence();
    return deadLetters.discard(id);
  });

  const finish = database.transaction((claims: readonly Claim[]): Claim[] => {
    checkFence();
    return account.finish(claims);
  });

  const finishOthers = database.transaction((producers: readonly string[]): void => {
    checkFence();
    account.finishOthers(producers);
  });

  const writeOff = database.transaction(
    (...[claims, queued, demand]: Parameters<Store['writeOff']>): Lost[] => {
      checkFence();
      const lost = account.lost(claims, queued);
      demand(lost);
      account.writeOff(lost);
      return lost;
    },
  );

  const readOld = database.prepare<[number, number], Counted & { seq: number; text: string }>(
    `SELECT seq, sender, recipient, ts, text FROM messages INDEXED BY messages_by_time
     WHERE ts < ? ORDER BY ts, message_id LIMIT ?`,
  );
  const remove = database.prepare<[number]>('DELETE FROM messages WHERE seq = ?');
  const removeOld = database.transaction((beforeTs: number, rowsMax: number): number => {
    checkFence();
    const old = readOld.all(beforeTs, rowsMax);
    if (old.length === 0) return 0;
    textIndex.remove(old);
    for (const { seq } of old) remove.run(seq);
    rollups.remove(old);
    addToCounter.run(old.length, REMOVED);
    return old.length;
  });

  function readOutcomes(): Outcomes {
    return Object.fromEntries(COUNTERS.map((name) => [name, readCounter.get(name)])) as Outcomes;
  }
  const totals = readOutcomes();
  // asked for each second, and once more when the database is closed already
  const published = new Set<string>();
  let settled: { producer: string; settled: number }[] = [];
  let isSettledOld = true;
  const readSettledOnce = (): typeof settled => {
    if (isSettledOld) settled = account.settledOf(published);
    isSettledOld = false;
    return settled;
  };

  return {
    textIndex,
    commit(batches) {
      const seqBefore = lastSeq;
      try {
        const outcomes = commit.immediate(batches);
        for (const batch of batches) if (!('corrupt' in batch)) published.add(batch.producer);
        isSettledOld = true;
        crashPoint('after-commit');
        for (const name of COUNTERS) totals[name] += outcomes[name];
        return outcomes;
      } catch (error) {
        lastSeq = seqBefore;
        ledger.forget();
        rollups.forget();
        throw error;
      }
    },
    discard: (id) => discard.immediate(id),
    removeOld(beforeTs, rowsMax) {
      try {
        return removeOld.immediate(beforeTs, rowsMax);
      } catch (error) {
        rollups.forget();
        throw error;
      }
    },
    finish(claims) {
      const finished = finish.immediate(claims);
      for (const { producer } of finished) {
        published.delete(producer);
        ledger.release(producer);
      }
      isSettledOld = true;
      return finished;
    },
    finishOthers: (producers) => finishOthers.immediate([...producers, ...published]),
    finished: () => account.finished(),
    writeOff(...order) {
      isSettledOld = true;
      return writeOff.immediate(...order);
    },
    publish(producers) {
      for (const producer of producers) if (producer !== FINISHED) published.add(producer);
      isSettledOld = true;
    },
    outcomes: () => ({ ...totals }),
    settled: readSettledOnce,
    close() {
      readSettledOnce();
      database.close();
    },
  };
}
