/**
 * The one definition of "case-insensitive" for search: the writer folds what it indexes, query folds what it looks
 * for and what it scans, so that an indexed row and an unindexed one match alike.
 *
 * Lower, then upper case: upper alone leaves the Kelvin sign apart from `k`, lower alone turns a sigma at the end of
 * a word into another letter than one in its middle. The result of the two together depends on no neighbour, so a
 * substring of the text is always a substring of the folded text. NUL becomes U+FFFF, a code point that is never
 * assigned, because SQLite's tokenizers end at NUL.
 */
export function fold(text: string): string {
  return text.toLowerCase().toUpperCase().replaceAll('\0', '\uffff');
}

/** Ends every text in the index, so that a search of one or two characters is the beginning of a trigram everywhere. */
const INDEX_END = '\uFFFD\uFFFD';

/** What the text index holds of a folded text. */
export function indexed(folded: string): string {
  return folded + INDEX_END;
}
