/**
 * The remembered result of a search: the number of matches in each stretch of rows, in the order of arrival. Messages
 * are only added at the end, so a count stays valid until retention removes messages of its stretch.
 */
import type { Format } from '../format.js';
import type { Reader } from './snapshots.js';

/** The state of the table in one snapshot. */
export interface Extent {
  /** The life of the writer that made this state. Another life may use another file in its place. */
  writer: string;
  /** Number of messages that retention removed. */
  removed: number;
  last: number;
  /** Highest row in the text index. */
  watermark: number;
}

export function readExtent(reader: Reader): Extent {
  return reader.get(
    `SELECT (SELECT epoch || ' ' || instance FROM writer_epoch) AS writer,
       (SELECT value FROM counters WHERE name = 'removed') AS removed,
       (SELECT coalesce(max(seq), 0) FROM messages) AS last, watermark FROM text_index`,
  ) as Extent;
}

/** The number of messages removed from the parts of the table that a range of rows touches. */
export interface Removals {
  (first: number, last: number): number;
  /** Rows per part. */
  partRows: number;
}

export function readRemovals(reader: Reader, { removalsPartRows: partRows }: Format): Removals {
  const rows = reader.all('SELECT part, messages FROM removals') as { part: number; messages: number }[];
  const byPart = new Map(rows.map(({ part, messages }) => [part, messages]));
  const between = (first: number, last: number): number => {
    let sum = 0;
    if (byPart.size === 0) return sum;
    const end = Math.floor(last / partRows);
    for (let part = Math.floor(first / partRows); part <= end; part++) sum += byPart.get(part) ?? 0;
    return sum;
  };
  return Object.assign(between, { partRows });
}

/**
 * Matches in the order of arrival, as two columns. The times alone determine a page, so only the rows of the page are
 * read.
 */
export interface Hits {
  seqs: Float64Array;
  /** Epoch seconds. */
  times: Float64Array;
}

/** A stretch of tested rows, and the number of matches in it. */
interface Stretch {
  first: number;
  last: number;
  count: number;
  /** The matches. Undefined when all stretches together have too many. */
  hits: Hits | undefined;
  /** The number of messages that had been removed from it. */
  removals: number;
}

export interface Remembered {
  writer: string;
  removed: number;
  /** In order, with gaps for unknown rows. */
  stretches: readonly Stretch[];
  /** Whether every stretch lists its matches. */
  isListed: boolean;
}

const joined = (arrays: readonly Float64Array[]): Float64Array => {
  const all = new Float64Array(arrays.reduce((length, array) => length + array.length, 0));
  let place = 0;
  for (const array of arrays) {
    all.set(array, place);
    place += array.length;
  }
  return all;
};

const joinedHits = (hits: readonly Hits[]): Hits => ({
  seqs: joined(hits.map(({ seqs }) => seqs)),
  times: joined(hits.map(({ times }) => times)),
});

export const NO_HITS: Hits = joinedHits([]);

/** Approximate size in memory, in bytes. */
export function sizeOf({ stretches }: Remembered): number {
  return stretches.reduce((sum, { hits }) => sum + 300 + 2 * (hits?.seqs.byteLength ?? 0), 200);
}

export const countOf = ({ stretches }: Remembered): number =>
  stretches.reduce((sum, { count }) => sum + count, 0);

/** All matches. Undefined when there are too many. */
export function hitsOf({ stretches, isListed }: Remembered): Hits | undefined {
  return isListed ? joinedHits(stretches.flatMap(({ hits }) => hits ?? [])) : undefined;
}

/** The part of the result that is still valid. */
export function stillTrue(state: Remembered | undefined, extent: Extent, removals: Removals): Remembered {
  const { writer, removed, last } = extent;
  if (state?.writer !== writer || (state.stretches.at(-1)?.last ?? 0) > last)
    return { writer, removed, stretches: [], isListed: true };
  if (state.removed === removed) return state;
  const stretches = state.stretches.filter(
    (stretch) => removals(stretch.first, stretch.last) === stretch.removals,
  );
  return { ...state, removed, stretches };
}

/** The first range of unknown rows. Undefined when all rows are known. */
export function firstGap(
  { stretches }: Remembered,
  last: number,
): { first: number; last: number } | undefined {
  let first = 1;
  for (const stretch of stretches) {
    if (stretch.first > first) return { first, last: stretch.first - 1 };
    first = stretch.last + 1;
  }
  return first > last ? undefined : { first, last };
}

/** The matches of a range of rows inside a gap. */
export interface Chunk {
  first: number;
  last: number;
  count: number;
  /** Undefined when there are too many to remember. */
  hits: Hits | undefined;
}

export function withChunk(state: Remembered, chunk: Chunk, removals: Removals): Remembered {
  const { first, last } = chunk;
  const before = state.stretches.filter((stretch) => stretch.last < first);
  const behind = state.stretches.slice(before.length);
  const isListed = state.isListed && chunk.hits !== undefined;
  let added: Stretch = { ...chunk, removals: removals(first, last) };
  const previous = before.at(-1);
  // chunks of a scan are small, so merge neighbours
  if (previous?.last === first - 1 && last - previous.first < removals.partRows) {
    before.pop();
    added = {
      first: previous.first,
      last,
      count: previous.count + chunk.count,
      hits: previous.hits && chunk.hits && joinedHits([previous.hits, chunk.hits]),
      removals: removals(previous.first, last),
    };
  }
  const stretches = [...before, added, ...behind];
  if (isListed) return { ...state, stretches };
  return { ...state, stretches: stretches.map((stretch) => ({ ...stretch, hits: undefined })), isListed };
}
