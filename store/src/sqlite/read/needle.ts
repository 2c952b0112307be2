/** What makes a text contain a needle, as SQL. */
import { INDEXED_SEARCH_CHARS_MIN } from '../format.js';

/**
 * FTS5 takes U+FFFE and U+FFFF for U+FFFD, so a needle with one of the three also finds rows that have another of
 * them in its place.
 */
const BLURRED_BY_INDEX = /[\uFFFD-\uFFFF]/;
// oxlint-disable-next-line no-control-regex
const ASCII = /^[\x01-\x7F]*$/;
/** Letters to which characters beyond ASCII fold too: the Kelvin sign to K, ß to SS, ﬁ to FI. */
const FOLDED_FROM_ELSEWHERE = /[AFHIJKLNSTWY]/;
/** Trigrams that the index is asked for. Those of a longer needle select few rows already, and each costs a lookup. */
const TRIGRAMS_MAX = 32;
/** LIKE compares a needle at every place of a text: with 1,024 characters in 64 KiB that takes a tenth of a second. */
const LIKE_BYTES_MAX = 512;

export interface Needle {
  folded: string;
  /** Tests `m.text`; its parameters are `parameters`. */
  condition: string;
  parameters: { needle: string; like: string };
  /** What the text index is asked for; undefined when the needle is shorter than a trigram. */
  match: string | undefined;
  /** Every row that the index finds has the needle. Otherwise they have to be tested. */
  isProof: boolean;
}

/**
 * The beginning of the needle in which no trigram comes twice, as a phrase, and the other trigrams beside it. FTS5 goes
 * through a text once for each time that a trigram comes in a phrase: a thousand times `a`, in texts of nothing else, takes
 * it minutes.
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
 * SQLite's own LIKE folds ASCII, and is several times as fast as our function. What it finds is there. It finds everything
 * in a text of ASCII alone, and everywhere when no other character folds to one of the needle's. It stops at a NUL, as
 * `length` does.
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
  // code points, as the index counts them
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
