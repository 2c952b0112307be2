/**
 * Defines "case-insensitive" for search. The writer folds the text that it indexes, and query folds search texts and
 * the rows that it scans. Indexed and unindexed rows therefore match alike.
 *
 * Text is converted to lower case and then to upper case. Upper case alone would not match the Kelvin sign with `k`.
 * Lower case alone would convert a sigma at the end of a word to a different letter than one in the middle. The
 * combined result of a character does not depend on its neighbours, so a substring of a text is always a substring of
 * the folded text. NUL becomes U+FFFF, which is never assigned, because SQLite's tokenizers stop at NUL.
 */
export function fold(text: string): string {
  return text.toLowerCase().toUpperCase().replaceAll('\0', '\uffff');
}

/** The suffix of every indexed text. With it, every search of one or two characters is the beginning of a trigram. */
const INDEX_END = '\uFFFD\uFFFD';

/** The text to index for a folded text. */
export function indexed(folded: string): string {
  return folded + INDEX_END;
}
