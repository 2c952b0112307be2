/**
 * Messages by each character and each pair of neighbours of their folded text. Counted in large steps: most grams are in
 * most messages, so a step of many rows writes hardly more than one of few. A reader scans what is not counted yet.
 */
import type { Database } from 'better-sqlite3';
import { fold, gramsOf } from '@lyftr/shared/fold';

/** Row by row, writing the counts cost more than the whole trigram index. */
export const GRAM_STEP_ROWS = 10_000;

interface Row {
  seq: number;
  text: string;
}

export interface Grams {
  /** Counts rows up to `watermark`, when there are enough of them for a step. A transaction of its own. */
  follow(watermark: number): void;
  /** Uncounts rows that the table is about to lose. Call inside a transaction. */
  remove(rows: readonly Row[]): void;
}

const SURROGATE = /[\uD800-\uDFFF]/;

/** Sums up in how many texts each gram is, without a string for each: a gram of two 16-bit characters is an integer. */
class Tally {
  private readonly places = new Map<number, number>();
  private readonly keys: number[] = [];
  private readonly counts: number[] = [];
  /** The text in which a gram was met last. */
  private readonly lastText: number[] = [];
  private readonly wide = new Map<string, number>();
  private texts = 0;

  add(folded: string): void {
    this.texts++;
    if (SURROGATE.test(folded)) {
      for (const gram of gramsOf(folded)) this.wide.set(gram, (this.wide.get(gram) ?? 0) + 1);
      return;
    }
    let before = 0;
    for (let i = 0; i < folded.length; i++) {
      const character = folded.charCodeAt(i);
      this.note(character);
      // a folded text has no NUL, so a pair is never taken for a single character
      if (before !== 0) this.note((before << 16) | character);
      before = character;
    }
  }

  private note(key: number): void {
    const place = this.places.get(key);
    if (place === undefined) {
      this.places.set(key, this.keys.length);
      this.keys.push(key);
      this.counts.push(1);
      this.lastText.push(this.texts);
    } else if (this.lastText[place] !== this.texts) {
      this.lastText[place] = this.texts;
      this.counts[place] = (this.counts[place] as number) + 1;
    }
  }

  /** A gram may come twice: from texts with wide characters, and from those without. */
  forEach(visit: (gram: string, texts: number) => void): void {
    for (const [place, key] of this.keys.entries()) {
      const last = String.fromCharCode(key & 0xffff);
      const gram = key >>> 16 === 0 ? last : String.fromCharCode(key >>> 16) + last;
      visit(gram, this.counts[place] as number);
    }
    for (const [gram, texts] of this.wide) visit(gram, texts);
  }
}

export function createGrams(database: Database, checkFence: () => void): Grams {
  const readWatermark = database.prepare<[], number>('SELECT grams_watermark FROM text_index').pluck();
  const moveWatermark = database.prepare<[number]>('UPDATE text_index SET grams_watermark = ?');
  const next = database.prepare<[number, number, number], Row>(
    'SELECT seq, text FROM messages WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?',
  );
  const addToGram = database
    .prepare<[string, number], number>(
      `INSERT INTO grams (gram, messages) VALUES (?, ?)
       ON CONFLICT (gram) DO UPDATE SET messages = messages + excluded.messages RETURNING messages`,
    )
    .pluck();
  const removeGram = database.prepare<[string]>('DELETE FROM grams WHERE gram = ?');

  function write(rows: Iterable<Row>, sign: 1 | -1): void {
    const tally = new Tally();
    for (const { text } of rows) tally.add(fold(text));
    tally.forEach((gram, texts) => {
      if ((addToGram.get(gram, sign * texts) as number) <= 0) removeGram.run(gram);
    });
  }

  const step = database.transaction((watermark: number): void => {
    checkFence();
    const rows = next.all(readWatermark.get() as number, watermark, GRAM_STEP_ROWS);
    const last = rows.at(-1);
    if (last === undefined) return;
    write(rows, 1);
    moveWatermark.run(last.seq);
  });

  return {
    follow(watermark) {
      if (watermark - (readWatermark.get() as number) >= GRAM_STEP_ROWS) step.immediate(watermark);
    },
    remove(rows) {
      const watermark = readWatermark.get() as number;
      write(
        rows.filter(({ seq }) => seq <= watermark),
        -1,
      );
    },
  };
}
