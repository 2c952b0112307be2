import type { Database } from 'better-sqlite3';
import { fold } from '@lyftr/shared/fold';

export interface TextIndex {
  /** Indexes up to `rowsMax` rows behind the watermark in one transaction. Returns how many; 0 when all are indexed. */
  advance(rowsMax: number): number;
  /** Rows that are stored and not yet indexed. */
  lag(): number;
}

/**
 * The trigram index over `messages.text`; its reader scans what lies behind the watermark. `checkFence` throws inside a
 * transaction that must not commit.
 */
export function createTextIndex(database: Database, checkFence: () => void): TextIndex {
  database.function('fold', { deterministic: true, directOnly: true }, (text) => fold(text as string));
  const readWatermark = database.prepare<[], number>('SELECT watermark FROM text_index').pluck();
  const lastOf = database
    .prepare<[number, number], number | null>(
      'SELECT max(seq) FROM (SELECT seq FROM messages WHERE seq > ? ORDER BY seq LIMIT ?)',
    )
    .pluck();
  const index = database.prepare<[number, number]>(
    `INSERT INTO message_text (rowid, folded)
     SELECT seq, fold(text) FROM messages WHERE seq > ? AND seq <= ? AND text <> '' ORDER BY seq`,
  );
  const moveWatermark = database.prepare<[number]>('UPDATE text_index SET watermark = ?');
  const readLag = database
    .prepare<[], number>('SELECT count(*) FROM messages WHERE seq > (SELECT watermark FROM text_index)')
    .pluck();

  const advance = database.transaction((rowsMax: number): number => {
    checkFence();
    const from = readWatermark.get() as number;
    const to = lastOf.get(from, rowsMax) ?? from;
    if (to === from) return 0;
    index.run(from, to);
    moveWatermark.run(to);
    return to - from;
  });

  return {
    advance: (rowsMax) => advance.immediate(rowsMax),
    lag: () => readLag.get() as number,
  };
}
