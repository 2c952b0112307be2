/**
 * Counts the messages that contain a needle, chunk by chunk in the order of their arrival, and remembers what was counted:
 * messages are only added, so the next search for the same begins where this one ended. Each chunk is a snapshot of its
 * own, so a long count keeps no snapshot open; what a search could not finish in its time, the next one goes on with.
 */
import { columnConditions, where, type Filter } from './filter.js';
import { quoted, type Needle } from './needle.js';
import { count } from './series.js';
import type { Reader } from './store.js';
import type { Tuning } from './tuning.js';

/** Matches of a filter among the messages up to a row. */
export interface Remembered {
  /** Messages that retention had removed: another number, and the count is no longer true. */
  generation: number;
  /** Highest row that was looked at. */
  upTo: number;
  count: number;
  /** All matches, in the order of arrival; undefined when there are more than `hitsMax`. */
  hits: Hits | undefined;
}

/** Two columns: a page is found by times alone, and only its own rows are read. */
export interface Hits {
  seqs: Float64Array;
  /** Epoch seconds. */
  times: Float64Array;
}

/** The table as one snapshot shows it. */
export interface Extent {
  generation: number;
  last: number;
  /** Highest row that the text index holds. */
  watermark: number;
  /** Highest row that the counts of short needles know. */
  gramsWatermark: number;
}

export function readExtent(reader: Reader): Extent {
  return reader.get(
    `SELECT (SELECT value FROM counters WHERE name = 'removed') AS generation,
       (SELECT coalesce(max(seq), 0) FROM messages) AS last,
       watermark, grams_watermark AS gramsWatermark FROM text_index`,
  ) as Extent;
}

const NOTHING: Hits = { seqs: new Float64Array(0), times: new Float64Array(0) };

const begin = (generation: number): Remembered => ({ generation, upTo: 0, count: 0, hits: NOTHING });

function joined(a: Float64Array, b: readonly number[]): Float64Array {
  const all = new Float64Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

/** `found` behind `hits`, with their times. */
function withTimes(reader: Reader, hits: Hits, found: readonly number[]): Hits {
  if (found.length === 0) return hits;
  const rows = reader.all(
    'SELECT m.ts FROM json_each(@found) AS hit CROSS JOIN messages AS m ON m.seq = hit.value ORDER BY hit.key',
    { found: JSON.stringify(found) },
  ) as { ts: number }[];
  return {
    seqs: joined(hits.seqs, found),
    times: joined(
      hits.times,
      rows.map(({ ts }) => ts),
    ),
  };
}

interface Source {
  /** Selects `seq` of each match. */
  sql: string;
  parameters: Record<string, unknown>;
}

/** Matches among the rows `first` to `last`, by the index. */
function indexedSource(filter: Filter, needle: Needle, first: number, last: number): Source {
  const { sql: conditions, parameters } = columnConditions(filter);
  // row numbers as BigInt: FTS5 leaves a bound that is a float aside without a word
  const range = { phrase: needle.phrase, first: BigInt(first), last: BigInt(last) };
  const hits =
    'SELECT rowid AS seq FROM message_text WHERE message_text MATCH @phrase AND rowid BETWEEN @first AND @last';
  if (needle.isBlurred) conditions.push(needle.condition);
  if (conditions.length === 0) return { sql: hits, parameters: range };
  return {
    sql: `SELECT m.seq FROM (${hits}) AS hit CROSS JOIN messages AS m ON m.seq = hit.seq ${where(conditions)}`,
    parameters: { ...parameters, ...needle.parameters, ...range },
  };
}

/** Matches among the rows `first` to `last`, by testing each. */
function scannedSource(filter: Filter, needle: Needle, first: number, last: number): Source {
  const { sql: conditions, parameters } = columnConditions(filter);
  conditions.push(needle.condition);
  return {
    sql: `SELECT m.seq FROM messages AS m NOT INDEXED ${where(['m.seq BETWEEN @first AND @last', ...conditions])}`,
    parameters: { ...parameters, ...needle.parameters, first, last },
  };
}

function addChunk(
  reader: Reader,
  state: Remembered,
  upTo: number,
  { sql, parameters }: Source,
  { hitsMax }: Tuning,
): Remembered {
  const { generation, hits } = state;
  if (hits !== undefined) {
    const room = hitsMax - hits.seqs.length;
    const found = reader.all(`${sql} LIMIT @room`, { ...parameters, room: room + 1 }) as { seq: number }[];
    if (found.length <= room) {
      const all = withTimes(
        reader,
        hits,
        found.map(({ seq }) => seq),
      );
      return { generation, upTo, count: all.seqs.length, hits: all };
    }
  }
  const more = count(reader, `SELECT count(*) AS n FROM (${sql})`, parameters);
  return { generation, upTo, count: state.count + more, hits: undefined };
}

/**
 * Rows of a gram, which are few: every text in the index ends with two characters more, so the gram is the beginning of a
 * trigram wherever it stands. It must not be blurred: then a trigram that begins with it is proof.
 */
function gramHits(reader: Reader, needle: Needle, watermark: number): Hits {
  const terms = reader.all(
    'SELECT term FROM message_trigrams WHERE term >= @needle AND term < @needle || char(0x10FFFF)',
    needle.parameters,
  ) as { term: string }[];
  const seqs = new Set<number>();
  for (const { term } of terms) {
    const rows = reader.all(
      'SELECT rowid AS seq FROM message_text WHERE message_text MATCH @phrase AND rowid <= @watermark',
      { phrase: quoted(term), watermark: BigInt(watermark) },
    ) as { seq: number }[];
    for (const { seq } of rows) seqs.add(seq);
  }
  return withTimes(
    reader,
    NOTHING,
    [...seqs].toSorted((a, b) => a - b),
  );
}

/** What the writer has counted of a needle of one or two characters. */
function countGram(
  reader: Reader,
  needle: Needle,
  { generation, gramsWatermark }: Extent,
  { gramHitsMax }: Tuning,
): Remembered {
  const messages = count(reader, 'SELECT messages AS n FROM grams WHERE gram = @needle', needle.parameters);
  const isFew = messages <= gramHitsMax && !needle.isBlurred;
  const hits = isFew ? gramHits(reader, needle, gramsWatermark) : undefined;
  return { generation, upTo: gramsWatermark, count: messages, hits };
}

/** One chunk more. The result is complete when its `upTo` is the extent's `last`. */
export function advance(
  reader: Reader,
  filter: Filter,
  needle: Needle,
  extent: Extent,
  before: Remembered | undefined,
  tuning: Tuning,
): Remembered {
  const { generation, last, watermark } = extent;
  const state = before?.generation === generation ? before : begin(generation);
  const first = state.upTo + 1;
  if (first > last) return state;
  const hasColumns = columnConditions(filter).sql.length > 0;
  if (needle.phrase === undefined && !hasColumns && state.upTo === 0 && extent.gramsWatermark > 0)
    return countGram(reader, needle, extent, tuning);
  if (needle.phrase !== undefined && first <= watermark) {
    const upTo = Math.min(watermark, first + tuning.indexChunkRows - 1);
    return addChunk(reader, state, upTo, indexedSource(filter, needle, first, upTo), tuning);
  }
  const upTo = Math.min(last, first + tuning.scanChunkRows - 1);
  return addChunk(reader, state, upTo, scannedSource(filter, needle, first, upTo), tuning);
}
