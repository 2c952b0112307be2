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

/** Where a message is from. */
export interface Origin {
  batch: ReadBatch;
  /** The place of the message, or of its delivery, in the batch. */
  index: number;
  /** Undefined when it came by no source. `id` is the number of the delivery if this message creates it. */
  delivery: { id: number; source: string; tsIsOfDelivery: boolean } | undefined;
}

/** A row to be removed. */
export interface OldRow extends Counted {
  seq: number;
  text: string;
  /** The delivery that it came by, and the number of rows that the delivery has. Null when it came by no source. */
  delivery: number | null;
  siblings: number | null;
}

export interface Messages {
  /**
   * Inserts a message, counts it as a duplicate, or stores it as a dead letter. Returns whether it was inserted. Throws
   * errors that are not caused by the message.
   */
  store(message: MessageTuple, origin: Origin, totals: CommitTotals): boolean;
  /** Reads the oldest rows with `ts` before `beforeTs`. Fewer than `rowsMax` when they and their deliveries are large. */
  readOld(beforeTs: number, rowsMax: number): OldRow[];
  remove(rows: readonly OldRow[]): void;
  /** The highest row so far. Pass it to `rewind` after a rollback. */
  lastSeq(): number;
  rewind(lastSeq: number): void;
}

/**
 * A transaction of the retention ends after the message with which texts and bodies reach this size. Removing so much
 * text takes about 35 ms of CPU, most of it in the text index.
 */
const OLD_BYTES_MAX = 256 * 1024;
/** A body is not in the text index, so this many of its bytes take no longer than one of a text. */
const BODY_BYTES_PER_BYTE = 32;

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
  const insertOfDelivery = database.prepare<
    [number, string, string, string, number, string, string | null, string, number]
  >(
    `INSERT INTO messages (seq, message_id, sender, recipient, ts, text, extra, source, delivery)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (message_id) DO NOTHING`,
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
  function keepIfConflicting(
    message: MessageTuple,
    { batch, index, delivery }: Origin,
    totals: CommitTotals,
  ): void {
    const [messageId, from, to, ts, text, extra = null] = message;
    const stored = readStored.get(messageId);
    const isTsCompared = delivery?.tsIsOfDelivery !== true;
    const isSame =
      stored !== undefined &&
      [from, to, isTsCompared ? ts : stored[2], text, extra].every((value, i) => value === stored[i]);
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
      source: delivery?.source,
    });
  }

  function store(message: MessageTuple, origin: Origin, totals: CommitTotals): boolean {
    const { batch, index, delivery } = origin;
    const [id, from, to, ts, text, extra = null] = message;
    const seq = lastSeq + 1;
    try {
      const { changes } =
        delivery === undefined
          ? insert.run(seq, id, from, to, ts, text, extra)
          : insertOfDelivery.run(seq, id, from, to, ts, text, extra, delivery.source, delivery.id);
      if (changes === 0) {
        totals.outcomes.duplicate++;
        keepIfConflicting(message, origin, totals);
        return false;
      }
      lastSeq = seq;
      totals.outcomes.created++;
      totals.created.push({ sender: from, recipient: to, ts });
      return true;
    } catch (error) {
      if (!isConstraint(error)) throw error;
      deadLetters.add({
        kind: 'unstorable_message',
        reason: String(error),
        raw: JSON.stringify(message),
        ...(typeof id === 'string' ? { messageId: id } : {}),
        receivedAt: batch.at,
        source: delivery?.source,
      });
      totals.aside.push({ kind: 'unstorable_message', requestId: requestIdAt(batch, index) });
      totals.outcomes.dead_letter++;
      return false;
    }
  }

  // SQLite knows the size of a body without reading it
  const readOld = database.prepare<[number, number], OldRow & { bodyBytes: number | null }>(
    `SELECT m.seq, m.sender, m.recipient, m.ts, m.text, m.delivery, d.messages AS siblings,
       octet_length(d.body) AS bodyBytes
     FROM messages AS m INDEXED BY messages_by_time LEFT JOIN deliveries AS d ON d.id = m.delivery
     WHERE m.ts < ? ORDER BY m.ts, m.message_id LIMIT ?`,
  );
  const remove = database.prepare<[number]>('DELETE FROM messages WHERE seq = ?');
  const noteRemoval = database.prepare<[number]>(
    'INSERT INTO removals VALUES (?, 1) ON CONFLICT (part) DO UPDATE SET messages = messages + 1',
  );

  return {
    store,
    readOld(beforeTs, rowsMax) {
      const rows: OldRow[] = [];
      const deliveries = new Set<number>();
      let bytes = 0;
      for (const row of readOld.iterate(beforeTs, rowsMax)) {
        const { text, delivery, bodyBytes } = row;
        rows.push(row);
        bytes += text.length;
        if (delivery !== null && !deliveries.has(delivery)) {
          deliveries.add(delivery);
          bytes += (bodyBytes ?? 0) / BODY_BYTES_PER_BYTE;
        }
        if (bytes >= OLD_BYTES_MAX) break;
      }
      return rows;
    },
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
