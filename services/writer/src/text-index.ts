import type { Database } from 'better-sqlite3';
import { fold, indexed } from '@lyftr/shared/fold';
import { createGrams } from './grams.js';

/** A row as the index knows it. */
export interface IndexedRow {
  seq: number;
  text: string;
}

export interface TextIndex {
  /** Indexes up to `rowsMax` rows behind the watermark in one transaction. Returns how many; 0 when all are indexed. */
  advance(rowsMax: number): number;
  /** Rows that are stored and not yet indexed. */
  lag(): number;
  /** Takes rows out, before the table loses them; those above the watermark are not in it. Call inside a transaction. */
  remove(rows: readonly IndexedRow[]): void;
}

/**
 * The trigram index over `messages.text`, and behind it the count of each gram that is too short for it; a reader scans
 * what lies behind the watermark. `checkFence` throws inside a transaction that must not commit.
 */
export function createTextIndex(database: Database, checkFence: () => void): TextIndex {
  const readWatermark = database.prepare<[], number>('SELECT watermark FROM text_index').pluck();
  const next = database.prepare<[number, number], IndexedRow>(
    'SELECT seq, text FROM messages WHERE seq > ? ORDER BY seq LIMIT ?',
  );
  // row numbers as BigInt: a number is bound as a float, which FTS5 does not take for a row number
  const insert = database.prepare<[bigint, string]>('INSERT INTO message_text (rowid, folded) VALUES (?, ?)');
  const takeOut = database.prepare<[bigint, string]>(
    "INSERT INTO message_text (message_text, rowid, folded) VALUES ('delete', ?, ?)",
  );
  const moveWatermark = database.prepare<[number]>('UPDATE text_index SET watermark = ?');
  const readLag = database
    .prepare<[], number>('SELECT count(*) FROM messages WHERE seq > (SELECT watermark FROM text_index)')
    .pluck();

  const grams = createGrams(database, checkFence);

  function writeRows(rows: readonly IndexedRow[], statement: typeof insert): void {
    for (const { seq, text } of rows) {
      if (text !== '') statement.run(BigInt(seq), indexed(fold(text)));
    }
  }

  const advance = database.transaction((rowsMax: number): number => {
    checkFence();
    const rows = next.all(readWatermark.get() as number, rowsMax);
    const last = rows.at(-1);
    if (last === undefined) return 0;
    writeRows(rows, insert);
    moveWatermark.run(last.seq);
    return rows.length;
  });

  return {
    advance(rowsMax) {
      grams.follow(readWatermark.get() as number);
      return advance.immediate(rowsMax);
    },
    lag: () => readLag.get() as number,
    remove(rows) {
      const watermark = readWatermark.get() as number;
      writeRows(
        rows.filter(({ seq }) => seq <= watermark),
        takeOut,
      );
      grams.remove(rows);
    },
  };
}
