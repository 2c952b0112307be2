/** Builds the SQL that tests whether a text contains a needle. */
import { INDEXED_SEARCH_CHARS_MIN } from '../format.js';

/**
 * FTS5 treats U+FFFE and U+FFFF as U+FFFD. A needle with one of these three characters also finds rows with another
 * of them.
 */
const BLURRED_BY_INDEX = /[\uFFFD-\uFFFF]/;
// oxlint-disable-next-line no-control-regex
const ASCII = /^[\x01-\x7F]*$/;
/** Letters that are also the folded form of other characters: K of the Kelvin sign, SS of ß, FI of ﬁ. */
const FOLDED_FROM_ELSEWHERE = /[AFHIJKLNSTWY]/;
/**
 * Maximum number of trigrams in an index query. The trigrams of a longer needle already select few rows, and each one
 * costs a lookup.
 */
const TRIGRAMS_MAX = 32;
/** LIKE compares the needle at every position of a text. With 1,024 characters in 64 KiB, that takes 0.1 s. */
const LIKE_BYTES_MAX = 512;

export interface Needle {
  folded: string;
  /** SQL that tests `m.text`. Its parameters are in `parameters`. */
  condition: string;
  parameters: { needle: string; like: string };
  /** The query for the text index. Undefined when the needle is shorter than a trigram. */
  match: string | undefined;
  /** True when every row that the index finds contains the needle. Otherwise the rows must be tested. */
  isProof: boolean;
}

/**
 * Divides a needle into a phrase (its beginning, up to the first repeated trigram) and the remaining trigrams. FTS5
 * reads a text once for each occurrence of a trigram in a phrase. A phrase of a thousand `a`, in texts that consist
 * of `a`, takes minutes.
 */
function divide(characters: readonly string[]): string[] {
  const trigrams = characters
    .slice(INDEXED_SEARCH_CHARS_MIN - 1)
    .map((_, start) => characters.slice(start, start + INDEXED_SEARCH_CHARS_MIN).join(''));
  const inPhrase = new Set<string>();
  for (const trigram of trigrams.slice(0, TRIGRAMS_MAX)) {
    if (inPhrase.has(trigram)) break;
    inPhrase.add(trigram);
  }
  const others = trigrams.slice(inPhrase.size).filter((trigram) => !inPhrase.has(trigram));
  const phrase = characters.slice(0, inPhrase.size + INDEXED_SEARCH_CHARS_MIN - 1).join('');
  return [phrase, ...new Set(others)].slice(0, TRIGRAMS_MAX + 1 - inPhrase.size);
}

/**
 * SQLite's LIKE folds ASCII and is several times as fast as our function. What it finds is always a match. It finds
 * all matches in a text that is pure ASCII, and in any text if no other character folds to one of the needle's. It
 * stops at NUL, as `length` does.
 */
function conditionOf(folded: string): string {
  const ours = 'contains(m.text, @needle)';
  const isPlain = 'length(m.text) = octet_length(m.text)';
  if (!ASCII.test(folded)) return `CASE WHEN ${isPlain} THEN 0 ELSE ${ours} END`;
  const isExact = FOLDED_FROM_ELSEWHERE.test(folded) ? isPlain : 'instr(m.text, char(0)) = 0';
  return `CASE WHEN octet_length(m.text) > ${LIKE_BYTES_MAX} THEN ${ours}
    WHEN m.text LIKE @like ESCAPE '\\' THEN 1 WHEN ${isExact} THEN 0 ELSE ${ours} END`;
}

export function readNeedle(folded: string): Needle {
  // code points, because the index counts those
  const characters = Array.from(folded);
  const isIndexed = characters.length >= INDEXED_SEARCH_CHARS_MIN;
  const phrases = isIndexed ? divide(characters) : undefined;
  return {
    folded,
    condition: conditionOf(folded),
    parameters: { needle: folded, like: `%${folded.replaceAll(/[\\%_]/g, '\\$&')}%` },
    match: phrases?.map(quoted).join(' AND '),
    isProof: (phrases === undefined || phrases[0] === folded) && !BLURRED_BY_INDEX.test(folded),
  };
}

export function quoted(phrase: string): string {
  return `"${phrase.replaceAll('"', '""')}"`;
}
