/**
 * Checks that the index contains exactly the trigrams of every row at their positions. Compares a sum of hashes for
 * each row, computed from the table and from the index. Equal trigrams have equal sums.
 */
import type { Database } from 'better-sqlite3';
import { fold, indexed } from '../fold.js';
import type { Finding } from './checks.js';

const EXAMPLES_MAX = 3;

interface Row {
  seq: number;
  text: string;
}

/** FTS5 reads these two noncharacters as U+FFFD. */
const asIndexed = (character: number): number =>
  character === 0xfffe || character === 0xffff ? 0xfffd : character;

function mix(before: number, part: number): number {
  let mixed = Math.imul(before ^ part, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/** The 32-bit hash of a trigram at its position in a text. */
const hash = (a: number, b: number, c: number, place: number): number =>
  mix(mix(mix(mix(0, a), b), c), place);

/** The sum of the hashes of all trigrams of a text, 32 bits. */
function sumOf(text: string): number {
  let [a, b, sum, place] = [0, 0, 0, 0];
  for (const character of text) {
    const c = asIndexed(character.codePointAt(0) as number);
    if (place >= 2) sum = (sum + hash(a, b, c, place - 2)) | 0;
    [a, b] = [b, c];
    place++;
  }
  return sum;
}

/** `term` has three characters of one or two UTF-16 units each. */
function hashTerm(term: string, place: number): number {
  const a = term.codePointAt(0) as number;
  const second = a > 0xffff ? 2 : 1;
  const b = term.codePointAt(second) as number;
  const c = term.codePointAt(second + (b > 0xffff ? 2 : 1)) as number;
  return hash(a, b, c, place);
}

/** Reads every row and every index entry. */
export function checkEveryTrigram(database: Database, watermark: number): Finding {
  const { first, last } = database
    .prepare<[number], { first: number; last: number }>(
      'SELECT coalesce(min(seq), 1) AS first, coalesce(max(seq), 0) AS last FROM messages WHERE seq <= ?',
    )
    .get(watermark) as { first: number; last: number };
  const sums = new Int32Array(last - first + 1);
  const add = (seq: number, sum: number): void => {
    sums[seq - first] = (sums[seq - first] as number) + sum;
  };

  const rows = database.prepare<[number], Row>(
    "SELECT seq, text FROM messages WHERE seq <= ? AND text <> ''",
  );
  for (const { seq, text } of rows.iterate(watermark)) {
    add(seq, sumOf(indexed(fold(text))));
  }

  const strange = new Set<number>();
  // SQLite calls this for each entry; fetching the entries as rows takes several times as long
  database.function(
    'note_trigram',
    { deterministic: false },
    (term: unknown, doc: unknown, place: unknown) => {
      const seq = doc as number;
      if (seq >= first && seq <= last) add(seq, -hashTerm(term as string, place as number));
      else strange.add(seq);
      return 1;
    },
  );
  database.exec("CREATE VIRTUAL TABLE temp.trigrams USING fts5vocab(main, message_text, 'instance')");
  const trigrams = database
    .prepare<[], number>('SELECT count(note_trigram(term, doc, "offset")) FROM temp.trigrams')
    .pluck()
    .get() as number;
  database.exec('DROP TABLE temp.trigrams');

  let different = 0;
  const examples: number[] = [];
  for (const [place, sum] of sums.entries()) {
    if (sum === 0) continue;
    different++;
    if (examples.length < EXAMPLES_MAX) examples.push(first + place);
  }
  const faults: string[] = [];
  if (different > 0)
    faults.push(`the text index has a different text for ${different} rows: ${examples.join(', ')}`);
  if (strange.size > 0)
    faults.push(
      `the text index contains ${strange.size} rows that do not exist or are above the watermark ${watermark}: ${[...strange].slice(0, EXAMPLES_MAX).join(', ')}`,
    );
  return { figures: { trigrams }, faults };
}
