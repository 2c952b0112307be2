/**
 * What is remembered of a search: how many messages match in each stretch of rows, in the order of their arrival.
 * Messages are only added at the end, so a count stays true until retention removes messages of its stretch.
 */
import type { Format } from '../format.js';
import type { Reader } from './snapshots.js';

/** The table as one snapshot shows it. */
export interface Extent {
  /** Which life of the writer made it: another one may have found another file in its place. */
  writer: string;
  /** Messages that retention has removed. */
  removed: number;
  last: number;
  /** Highest row that the text index holds. */
  watermark: number;
}

export function readExtent(reader: Reader): Extent {
  return reader.get(
    `SELECT (SELECT epoch || ' ' || instance FROM writer_epoch) AS writer,
       (SELECT value FROM counters WHERE name = 'removed') AS removed,
       (SELECT coalesce(max(seq), 0) FROM messages) AS last, watermark FROM text_index`,
  ) as Extent;
}

/** How many messages were removed from the parts of the table that a range of rows touches. */
export interface Removals {
  (first: number, last: number): number;
  /** Rows of a part. */
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

/** Matches in the order of arrival, as two columns: a page is found by times alone, and only its own rows are read. */
export interface Hits {
  seqs: Float64Array;
  /** Epoch seconds. */
  times: Float64Array;
}

/** Rows that were looked at, and how many of them match. */
interface Stretch {
  first: number;
  last: number;
  count: number;
  /** The matches themselves; undefined when there are too many in all stretches. */
  hits: Hits | undefined;
  /** Messages that had been removed there. */
  removals: number;
}

export interface Remembered {
  writer: string;
  removed: number;
  /** In order, with gaps where nothing is known. */
  stretches: readonly Stretch[];
  /** Whether every stretch has its hits. */
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

/** Bytes that it takes in memory, roughly. */
export function sizeOf({ stretches }: Remembered): number {
  return stretches.reduce((sum, { hits }) => sum + 300 + 2 * (hits?.seqs.byteLength ?? 0), 200);
}

export const countOf = ({ stretches }: Remembered): number =>
  stretches.reduce((sum, { count }) => sum + count, 0);

/** All matches; undefined when there are too many. */
export function hitsOf({ stretches, isListed }: Remembered): Hits | undefined {
  return isListed ? joinedHits(stretches.flatMap(({ hits }) => hits ?? [])) : undefined;
}

/** What is still true of it. */
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

/** The first rows of which nothing is known; undefined when all are. */
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

/** Matches of a range of rows, which lies in a gap. */
export interface Chunk {
  first: number;
  last: number;
  count: number;
  /** Undefined when they are too many for what may be remembered. */
  hits: Hits | undefined;
}

export function withChunk(state: Remembered, chunk: Chunk, removals: Removals): Remembered {
  const { first, last } = chunk;
  const before = state.stretches.filter((stretch) => stretch.last < first);
  const behind = state.stretches.slice(before.length);
  const isListed = state.isListed && chunk.hits !== undefined;
  let added: Stretch = { ...chunk, removals: removals(first, last) };
  const previous = before.at(-1);
  // the scan's chunks are small
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
