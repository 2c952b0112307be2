/** Inserts and removes rows of `messages`. Runs inside the transactions of the store. */
import Database from 'better-sqlite3';
import { requestIdAt, type MessageTuple, type PutAside, type ReadBatch } from '@lyftr/shared/batch';
import { CONFLICTING_DUPLICATE, type Outcomes } from '@lyftr/shared/outcomes';
import type { Format } from '../format.js';
import type { DeadLetters } from './dead-letters.js';
import type { Counted } from './rollups.js';

/** The totals of one transaction, which are written at its end. */
export interface CommitTotals {
  outcomes: Outcomes;
  created: Counted[];
  aside: PutAside[];
}

/** A row to be removed. */
export interface OldRow extends Counted {
  seq: number;
  text: string;
}

export interface Messages {
  /**
   * Inserts a message of the batch, counts it as a duplicate, or stores it as a dead letter. Throws errors that are
   * not caused by the message.
   */
  store(batch: ReadBatch, index: number, totals: CommitTotals): void;
  /** Reads the oldest rows with `ts` before `beforeTs`. */
  readOld(beforeTs: number, rowsMax: number): OldRow[];
  remove(rows: readonly OldRow[]): void;
  /** The highest row so far. Pass it to `rewind` after a rollback. */
  lastSeq(): number;
  rewind(lastSeq: number): void;
}

const isConstraint = (error: unknown): boolean =>
  error instanceof Database.SqliteError &&
  (error.code.startsWith('SQLITE_CONSTRAINT') || error.code === 'SQLITE_TOOBIG');

export function createMessages(
  database: Database.Database,
  deadLetters: DeadLetters,
  { removalsPartRows }: Format,
): Messages {
  const insert = database.prepare<[number, string, string, string, number, string, string | null]>(
    `INSERT INTO messages (seq, message_id, sender, recipient, ts, text, extra) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (message_id) DO NOTHING`,
  );
  const readStored = database.prepare<[string], [string, string, number, string, string | null]>(
    'SELECT sender, recipient, ts, text, extra FROM messages WHERE message_id = ?',
  );
  readStored.raw();
  // a seq is never reused, even after the newest rows were removed, because the text index identifies rows by it
  let lastSeq = database
    .prepare<[], number>(
      'SELECT max((SELECT coalesce(max(seq), 0) FROM messages), watermark) FROM text_index',
    )
    .pluck()
    .get() as number;

  /**
   * The first delivery is stored. A later one with different content becomes a dead letter, so that a person can look
   * at it.
   */
  function keepIfConflicting(batch: ReadBatch, index: number, totals: CommitTotals): void {
    const message = batch.messages[index] as MessageTuple;
    const [messageId, from, to, ts, text, extra = null] = message;
    const stored = readStored.get(messageId);
    const isSame =
      stored !== undefined && [from, to, ts, text, extra].every((value, i) => value === stored[i]);
    if (isSame) return;
    totals.outcomes.conflicting_duplicate++;
    totals.aside.push({ kind: CONFLICTING_DUPLICATE, requestId: requestIdAt(batch, index) });
    const reason = 'the content differs from the message that is stored under this id';
    deadLetters.add({
      kind: CONFLICTING_DUPLICATE,
      reason,
      raw: JSON.stringify(message),
      messageId,
      receivedAt: batch.at,
    });
  }

  function store(batch: ReadBatch, index: number, totals: CommitTotals): void {
    const message = batch.messages[index] as MessageTuple;
    const [id, from, to, ts, text, extra] = message;
    try {
      const { changes } = insert.run(lastSeq + 1, id, from, to, ts, text, extra ?? null);
      if (changes === 0) {
        totals.outcomes.duplicate++;
        keepIfConflicting(batch, index, totals);
        return;
      }
      lastSeq++;
      totals.outcomes.created++;
      totals.created.push({ sender: from, recipient: to, ts });
    } catch (error) {
      if (!isConstraint(error)) throw error;
      deadLetters.add({
        kind: 'unstorable_message',
        reason: String(error),
        raw: JSON.stringify(message),
        ...(typeof id === 'string' ? { messageId: id } : {}),
        receivedAt: batch.at,
      });
      totals.aside.push({ kind: 'unstorable_message', requestId: requestIdAt(batch, index) });
      totals.outcomes.dead_letter++;
    }
  }

  const readOld = database.prepare<[number, number], OldRow>(
    `SELECT seq, sender, recipient, ts, text FROM messages INDEXED BY messages_by_time
     WHERE ts < ? ORDER BY ts, message_id LIMIT ?`,
  );
  const remove = database.prepare<[number]>('DELETE FROM messages WHERE seq = ?');
  const noteRemoval = database.prepare<[number]>(
    'INSERT INTO removals VALUES (?, 1) ON CONFLICT (part) DO UPDATE SET messages = messages + 1',
  );

  return {
    store,
    readOld: (beforeTs, rowsMax) => readOld.all(beforeTs, rowsMax),
    remove(rows) {
      for (const { seq } of rows) {
        remove.run(seq);
        noteRemoval.run(Math.floor(seq / removalsPartRows));
      }
    },
    lastSeq: () => lastSeq,
    rewind(seq) {
      lastSeq = seq;
    },
  };
}
