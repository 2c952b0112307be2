/** Builds the query for the text index. */
import { quoted, type Needle } from './needle.js';
import type { Extent } from './remembered.js';
import type { Reader } from './snapshots.js';
import type { Tuning } from './tuning.js';

/** The trigrams in the text index that begin with `prefix`. Undefined when there are more than `max`. */
function readTrigrams(reader: Reader, prefix: string, max: number): string[] | undefined {
  const trigrams: string[] = [];
  let from = prefix;
  for (;;) {
    const row = reader.get('SELECT term FROM message_trigrams WHERE term >= @from LIMIT 1', { from });
    const { term } = (row ?? { term: '' }) as { term: string };
    if (!term.startsWith(prefix)) return trigrams;
    if (trigrams.length === max) return undefined;
    trigrams.push(term);
    // continue after all entries of this trigram
    from = `${term}\u0001`;
  }
}

export interface IndexQuery {
  /** An FTS5 expression. '' when nothing can match, undefined when the index does not help. */
  match: string | undefined;
  /** Valid for rows up to this one. */
  upTo: number;
}

/**
 * A needle of one or two characters is looked up as every trigram that begins with it. Indexed texts have two extra
 * characters at the end, so the needle is the beginning of a trigram at any position. The trigrams are read once per
 * search: up to the watermark of that moment, no new ones can appear.
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
