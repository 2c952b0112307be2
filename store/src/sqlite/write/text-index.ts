import type { Database } from 'better-sqlite3';
import { fold, indexed } from '../fold.js';

/** `text_marks` has a row for so many characters of indexed text. */
const TEXT_MARK_CHARS = 1_000_000;

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
 * The trigram index over `messages.text`; a reader scans what lies behind the watermark. `checkFence` throws inside a
 * transaction that must not commit.
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

  /** Marks the rows with which a million characters are full. Returns the characters behind the last mark. */
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

  const advance = database.transaction((rowsMax: number): number => {
    checkFence();
    const rows = next.all(readWatermark.get() as number, rowsMax);
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
