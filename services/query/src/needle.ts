/** What makes a text contain a needle, as SQL. */
import { INDEXED_SEARCH_CHARS_MIN } from '@lyftr/shared/database';

/**
 * FTS5 takes U+FFFE and U+FFFF for U+FFFD, so a needle with one of the three also finds rows that have another of
 * them in its place.
 */
const BLURRED_BY_INDEX = /[\uFFFD-\uFFFF]/;
// oxlint-disable-next-line no-control-regex
const ASCII = /^[\x01-\x7F]*$/;

export interface Needle {
  /** Tests `m.text`; its parameters are `parameters`. */
  condition: string;
  parameters: { needle: string; like: string };
  /** What the text index is asked for; undefined when the needle is too short for it. */
  phrase: string | undefined;
  /** The index says more than is true: its answers have to be tested. */
  isBlurred: boolean;
}

/**
 * A text of ASCII alone folds to ASCII alone, and SQLite's own LIKE folds ASCII: five times as fast as our function,
 * which is left for the others. `length` ends at a NUL, so a text with one is one of the others.
 */
export function readNeedle(folded: string): Needle {
  const isPlain = 'length(m.text) = octet_length(m.text)';
  const condition = ASCII.test(folded)
    ? `CASE WHEN ${isPlain} THEN m.text LIKE @like ESCAPE '\\' ELSE contains(m.text, @needle) END`
    : `NOT ${isPlain} AND contains(m.text, @needle)`;
  // code points, as the index counts them
  const isIndexed = Array.from(folded).length >= INDEXED_SEARCH_CHARS_MIN;
  return {
    condition: `(${condition})`,
    parameters: { needle: folded, like: `%${folded.replaceAll(/[\\%_]/g, '\\$&')}%` },
    phrase: isIndexed ? quoted(folded) : undefined,
    isBlurred: BLURRED_BY_INDEX.test(folded),
  };
}

export function quoted(phrase: string): string {
  return `"${phrase.replaceAll('"', '""')}"`;
}
