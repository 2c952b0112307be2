import type { Database } from 'better-sqlite3';
import { fold, indexed } from '../fold.js';

/** `text_marks` has one row for this many characters of indexed text. */
const TEXT_MARK_CHARS = 1_000_000;
/**
 * A step ends after the row with which its texts reach this size. Indexing so much takes about 20 ms of CPU, in which
 * the writer does nothing else. A text has at most 65,536 characters.
 */
const STEP_CHARS_MAX = 100_000;

/** A row to index. */
export interface IndexedRow {
  seq: number;
  text: string;
}

export interface TextIndex {
  /**
   * Indexes up to `rowsMax` rows after the watermark in one transaction, and fewer when their texts are long. Returns
   * their number, 0 when all rows are indexed.
   */
  advance(rowsMax: number): number;
  /** Number of stored rows that are not indexed yet. */
  lag(): number;
  /**
   * Removes rows from the index before they are removed from the table. Ignores rows above the watermark. Call it
   * inside a transaction.
   */
  remove(rows: readonly IndexedRow[]): void;
}

/**
 * The trigram index of `messages.text`. Readers scan the rows after the watermark. `checkFence` throws inside a
 * transaction that must not commit.
 */
export function createTextIndex(database: Database, checkFence: () => void): TextIndex {
  const readWatermark = database.prepare<[], number>('SELECT watermark FROM text_index').pluck();
  const next = database.prepare<[number, number], IndexedRow>(
    'SELECT seq, text FROM messages WHERE seq > ? ORDER BY seq LIMIT ?',
  );
  // row numbers must be BigInt: a number is bound as a float, which FTS5 does not accept as a row number
  const insert = database.prepare<[bigint, string]>('INSERT INTO message_text (rowid, folded) VALUES (?, ?)');
  const takeOut = database.prepare<[bigint, string]>(
    "INSERT INTO message_text (message_text, rowid, folded) VALUES ('delete', ?, ?)",
  );
  const readCharacters = database.prepare<[], number>('SELECT characters FROM text_index').pluck();
  const addMark = database.prepare<[number]>('INSERT INTO text_marks (seq) VALUES (?)');
  const moveWatermark = database.prepare<[number, number]>(
    'UPDATE text_index SET watermark = ?, characters = ?',
  );
  const readLag = database
    .prepare<[], number>('SELECT count(*) FROM messages WHERE seq > (SELECT watermark FROM text_index)')
    .pluck();

  function writeRows(rows: readonly IndexedRow[], statement: typeof insert): void {
    for (const { seq, text } of rows) {
      if (text !== '') statement.run(BigInt(seq), indexed(fold(text)));
    }
  }

  /**
   * Writes a mark at each row that completes a million characters. Returns the number of characters after the last
   * mark.
   */
  function mark(rows: readonly IndexedRow[]): number {
    let characters = readCharacters.get() as number;
    for (const { seq, text } of rows) {
      characters += text.length;
      if (characters < TEXT_MARK_CHARS) continue;
      addMark.run(seq);
      characters = 0;
    }
    return characters;
  }

  function readNext(watermark: number, rowsMax: number): IndexedRow[] {
    const rows: IndexedRow[] = [];
    let characters = 0;
    for (const row of next.iterate(watermark, rowsMax)) {
      rows.push(row);
      characters += row.text.length;
      if (characters >= STEP_CHARS_MAX) break;
    }
    return rows;
  }

  const advance = database.transaction((rowsMax: number): number => {
    checkFence();
    const rows = readNext(readWatermark.get() as number, rowsMax);
    const last = rows.at(-1);
    if (last === undefined) return 0;
    writeRows(rows, insert);
    moveWatermark.run(last.seq, mark(rows));
    return rows.length;
  });

  return {
    advance: (rowsMax) => advance.immediate(rowsMax),
    lag: () => readLag.get() as number,
    remove(rows) {
      const watermark = readWatermark.get() as number;
      writeRows(
        rows.filter(({ seq }) => seq <= watermark),
        takeOut,
      );
    },
  };
}
