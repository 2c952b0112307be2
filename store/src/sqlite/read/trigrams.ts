/** What the text index is asked for. */
import { quoted, type Needle } from './needle.js';
import type { Extent } from './remembered.js';
import type { Reader } from './snapshots.js';
import type { Tuning } from './tuning.js';

/** Trigrams of the text index that begin with `prefix`; undefined when there are more than `max`. */
function readTrigrams(reader: Reader, prefix: string, max: number): string[] | undefined {
  const trigrams: string[] = [];
  let from = prefix;
  for (;;) {
    const row = reader.get('SELECT term FROM message_trigrams WHERE term >= @from LIMIT 1', { from });
    const { term } = (row ?? { term: '' }) as { term: string };
    if (!term.startsWith(prefix)) return trigrams;
    if (trigrams.length === max) return undefined;
    trigrams.push(term);
    // the next one begins with three other characters
    from = `${term}\u0001`;
  }
}

export interface IndexQuery {
  /** An expression of FTS5; '' when it could find nothing, undefined when the index is of no help. */
  match: string | undefined;
  /** Holds for rows up to this one. */
  upTo: number;
}

/**
 * One or two characters are looked up as every trigram that begins with them; texts in the index end with two characters
 * more, so they are the beginning of one wherever they stand. The trigrams are read once for a search: up to the watermark
 * of that moment no other can come.
 */
export function createIndexQuery(
  needle: Needle,
  { trigramsMax }: Tuning,
): (reader: Reader, extent: Extent) => IndexQuery {
  let known: (IndexQuery & { writer: string }) | undefined;
  return (reader, { writer, watermark }) => {
    if (needle.match !== undefined) return { match: needle.match, upTo: watermark };
    if (known?.writer !== writer || known.upTo > watermark) {
      const trigrams = needle.isProof ? readTrigrams(reader, needle.folded, trigramsMax) : undefined;
      known = { writer, match: trigrams?.map(quoted).join(' OR '), upTo: watermark };
    }
    return known;
  };
}
