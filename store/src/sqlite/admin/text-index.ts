/**
 * Checks that the text index contains every row with text up to its watermark, and no row above it.
 *
 * The index keeps no copy of the text and no list of its rows (`content = ''`, `columnsize = 0`). So we can only
 * search it for a phrase of a row, or read it trigram by trigram. We search for a sample of the rows. Reading the
 * trigrams of every row takes several times as long.
 */
import type { Database } from 'better-sqlite3';
import { INDEXED_SEARCH_CHARS_MIN } from '../format.js';
import { fold } from '../fold.js';
import type { Finding } from './checks.js';
import { checkEveryTrigram } from './trigrams.js';

/** A smaller table is checked completely. */
const SAMPLE_ROWS = 2_000;
/** Looking up one row takes 0.4 ms at a million rows. With 24 characters it takes three times as long. */
const PHRASE_CHARS_MAX = 8;
const EXAMPLES_MAX = 3;
/** FTS5 limits the depth of an expression to 256. */
const TERMS_PER_QUERY = 100;
const TERMS_MAX = 5_000;

interface Row {
  seq: number;
  text: string;
}

const quoted = (phrase: string): string => `"${phrase.replaceAll('"', '""')}"`;

/** Selects rows with text in `from < seq <= to`, spread evenly from a random start. */
function sample(database: Database, from: number, to: number): Row[] {
  const next = database.prepare<[number, number, number], Row>(
    "SELECT seq, text FROM messages WHERE seq > ? AND seq <= ? AND text <> '' ORDER BY seq LIMIT ?",
  );
  if (to - from <= SAMPLE_ROWS) return next.all(from, to, SAMPLE_ROWS);
  const step = (to - from) / SAMPLE_ROWS;
  const start = from + Math.random() * step;
  const rows = Array.from({ length: SAMPLE_ROWS }, (_, i) => next.get(Math.floor(start + i * step), to, 1));
  return rows.filter((row) => row !== undefined);
}

/** A random part of the row's folded text. Undefined when the text is too short for a trigram. */
function phraseOf({ text }: Row): string[] | undefined {
  const characters = Array.from(fold(text));
  if (characters.length < INDEXED_SEARCH_CHARS_MIN) return undefined;
  const start = Math.floor(Math.random() * Math.max(0, characters.length - PHRASE_CHARS_MAX));
  return characters.slice(start, start + PHRASE_CHARS_MAX);
}

function checkSample(database: Database, watermark: number, last: number): Finding {
  // row numbers must be BigInt: a number is bound as a float, and FTS5 then silently ignores the limit
  const holds = database
    .prepare<[string, bigint], number>(
      'SELECT count(*) FROM message_text WHERE message_text MATCH ? AND rowid = ?',
    )
    .pluck();
  const above = database
    .prepare<[string, bigint], number>(
      'SELECT rowid FROM message_text WHERE message_text MATCH ? AND rowid > ? LIMIT 1',
    )
    .pluck();
  const terms = new Set<string>();
  let looked = 0;

  /** Numbers of the rows with a wrong result in the index. */
  function unexpected(rows: Row[], expected: number): number[] {
    return rows
      .filter((row) => {
        const phrase = phraseOf(row);
        if (phrase === undefined) return false;
        looked++;
        for (let i = 0; i + 3 <= phrase.length && terms.size < TERMS_MAX; i++)
          terms.add(phrase.slice(i, i + 3).join(''));
        return holds.get(quoted(phrase.join('')), BigInt(row.seq)) !== expected;
      })
      .map(({ seq }) => seq);
  }

  const absent = unexpected(sample(database, 0, Math.min(watermark, last)), 1);
  const early = unexpected(sample(database, watermark, last), 0);
  // above the watermark, the index may also contain rows that are not in the table
  const list = Array.from(terms, quoted);
  for (let i = 0; i < list.length && early.length === 0; i += TERMS_PER_QUERY) {
    const seq = above.get(list.slice(i, i + TERMS_PER_QUERY).join(' OR '), BigInt(watermark));
    if (seq !== undefined) early.push(seq);
  }
  const name = (rows: number[]): string => rows.slice(0, EXAMPLES_MAX).join(', ');
  const faults: string[] = [];
  if (absent.length > 0)
    faults.push(`the text index does not find ${absent.length} of ${looked} rows: ${name(absent)}`);
  if (early.length > 0) faults.push(`the text index contains rows above the watermark: ${name(early)}`);
  return { figures: { sampled: looked }, faults };
}

export function checkTextIndex(database: Database, full: boolean, structure: readonly string[]): Finding {
  const { watermark, last } = database
    .prepare<[], { watermark: number | null; last: number }>(
      `SELECT (SELECT watermark FROM text_index) AS watermark,
         (SELECT coalesce(max(seq), 0) FROM messages) AS last`,
    )
    .get() as { watermark: number | null; last: number };
  if (watermark === null) return { figures: {}, faults: ['the watermark is missing'] };
  const figures = { watermark, behind: Math.max(0, last - watermark) };
  if (structure.length > 0) return { figures, faults: [...structure] };
  const parts = [checkSample(database, watermark, last)];
  if (full) parts.push(checkEveryTrigram(database, watermark));
  return {
    figures: Object.assign(figures, ...parts.map((part) => part.figures)) as Finding['figures'],
    faults: parts.flatMap((part) => part.faults),
  };
}
