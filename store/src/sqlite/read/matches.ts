/** Counts the messages that contain a needle, in chunks of a few tens of milliseconds at most. */
import { columnConditions, where, type Filter } from './conditions.js';
import type { Needle } from './needle.js';
import {
  countOf,
  firstGap,
  NO_HITS,
  withChunk,
  type Chunk,
  type Extent,
  type Hits,
  type Remembered,
  type Removals,
} from './remembered.js';
import { count } from './series.js';
import type { Reader } from './snapshots.js';
import type { IndexQuery } from './trigrams.js';
import type { Tuning } from './tuning.js';

/** Folding a longer text takes as long as testing hundreds of short ones. */
export const LONG_TEXT_BYTES = 4_096;

interface Source {
  /** SQL that selects `seq` of each match. */
  sql: string;
  parameters: Record<string, unknown>;
}

interface RowRange {
  first: number;
  last: number;
}

/** Finds matches in a range of rows with the index. */
function indexedSource(filter: Filter, needle: Needle, match: string, { first, last }: RowRange): Source {
  const { sql: conditions, parameters } = columnConditions(filter);
  // row numbers must be BigInt: FTS5 silently ignores a limit that is a float
  const range = { match, first: BigInt(first), last: BigInt(last) };
  const hits =
    'SELECT rowid AS seq FROM message_text WHERE message_text MATCH @match AND rowid BETWEEN @first AND @last';
  if (!needle.isProof) conditions.push(needle.condition);
  if (conditions.length === 0) return { sql: hits, parameters: range };
  return {
    sql: `SELECT m.seq FROM (${hits}) AS hit CROSS JOIN messages AS m ON m.seq = hit.seq ${where(conditions)}`,
    parameters: { ...parameters, ...needle.parameters, ...range },
  };
}

/** Finds matches in a range of rows by testing each row. */
function scannedSource(filter: Filter, needle: Needle, { first, last }: RowRange): Source {
  const { sql: conditions, parameters } = columnConditions(filter);
  conditions.push(needle.condition);
  return {
    sql: `SELECT m.seq FROM messages AS m NOT INDEXED ${where(['m.seq BETWEEN @first AND @last', ...conditions])}`,
    parameters: { ...parameters, ...needle.parameters, first, last },
  };
}

/** Returns the matches `found` with their times. */
function withTimes(reader: Reader, found: readonly number[]): Hits {
  if (found.length === 0) return NO_HITS;
  const rows = reader.all(
    'SELECT m.ts FROM json_each(@found) AS hit CROSS JOIN messages AS m ON m.seq = hit.value ORDER BY hit.key',
    { found: JSON.stringify(found) },
  ) as { ts: number }[];
  return { seqs: Float64Array.from(found), times: Float64Array.from(rows, ({ ts }) => ts) };
}

/** `room` is the number of matches that may still be remembered. Undefined when there are already too many. */
function readChunk(
  reader: Reader,
  range: RowRange,
  { sql, parameters }: Source,
  room: number | undefined,
): Chunk {
  if (room !== undefined) {
    const found = reader.all(`${sql} LIMIT @room`, { ...parameters, room: room + 1 }) as { seq: number }[];
    if (found.length <= room) {
      const hits = withTimes(
        reader,
        found.map(({ seq }) => seq),
      );
      return { ...range, count: found.length, hits };
    }
  }
  return {
    ...range,
    count: count(reader, `SELECT count(*) AS n FROM (${sql})`, parameters),
    hits: undefined,
  };
}

/** The last row of a chunk that uses the index: after this many marks. Each mark stands for a million characters. */
function indexedEnd(reader: Reader, first: number, last: number, marks: number): number {
  const row = reader.get('SELECT seq FROM text_marks WHERE seq >= @first ORDER BY seq LIMIT 1 OFFSET @skip', {
    first,
    skip: marks - 1,
  }) as { seq: number } | undefined;
  return Math.min(row?.seq ?? last, last);
}

/** The last row of a chunk that tests rows: after this many rows, or after the first long text. */
function scannedEnd(reader: Reader, first: number, last: number, rows: number): number {
  const end = Math.min(last, first + rows - 1);
  const long = reader.get(
    `SELECT m.seq FROM messages AS m NOT INDEXED
     WHERE m.seq BETWEEN @first AND @end AND octet_length(m.text) > ${LONG_TEXT_BYTES} ORDER BY m.seq LIMIT 1`,
    { first, end },
  ) as { seq: number } | undefined;
  return long?.seq ?? end;
}

/** What a search counts, and the snapshot in which it counts. */
export interface Counting {
  reader: Reader;
  filter: Filter;
  needle: Needle;
  extent: Extent;
  removals: Removals;
  indexQuery: (reader: Reader, extent: Extent) => IndexQuery;
  tuning: Tuning;
}

function nextChunk(counting: Counting, gap: RowRange, room: number | undefined): Chunk {
  const { reader, filter, needle, extent, tuning } = counting;
  const { first } = gap;
  // a repeated search needs only the new rows
  if (gap.last - first >= tuning.scanChunkRows) {
    const { match, upTo } = counting.indexQuery(reader, extent);
    const last = Math.min(gap.last, upTo);
    if (match === '' && first <= last) return { first, last, count: 0, hits: NO_HITS };
    if (match !== undefined && first <= last) {
      const marks = needle.isProof ? tuning.indexChunkMarks : 1;
      const range = { first, last: indexedEnd(reader, first, last, marks) };
      return readChunk(reader, range, indexedSource(filter, needle, match, range), room);
    }
  }
  const range = { first, last: scannedEnd(reader, first, gap.last, tuning.scanChunkRows) };
  return readChunk(reader, range, scannedSource(filter, needle, range), room);
}

/** Counts one more chunk. Returns undefined when all rows are counted. */
export function advance(counting: Counting, state: Remembered): Remembered | undefined {
  const gap = firstGap(state, counting.extent.last);
  if (gap === undefined) return undefined;
  const room = state.isListed ? counting.tuning.hitsMax - countOf(state) : undefined;
  return withChunk(state, nextChunk(counting, gap, room), counting.removals);
}
