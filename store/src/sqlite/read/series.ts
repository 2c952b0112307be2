/**
 * Computes exact totals and large offsets from buckets of time, without reading the rows in between. A sender or a
 * recipient with few messages has no buckets, and its rows are counted in their index.
 */
import { ALL_SERIES, DAY_SECONDS, HOUR_SECONDS, MINUTE_SECONDS, type Format } from '../format.js';
import { columnConditions, isBucketed, timeRange, where, type Filter } from './conditions.js';
import type { Reader } from './snapshots.js';

export type Index =
  | 'messages_by_sender'
  | 'messages_by_recipient'
  | 'messages_by_time'
  | 'messages_by_source';

/**
 * Up to this number, the messages of a sender or recipient are read to see which came by a source. With more, the index
 * of the source is read, which has every column of a filter: it takes about 0.1 s for a million messages.
 */
const FEW_ROWS = 20_000;

/** The column `n` of the only row. 0 when there is none. */
export function count(reader: Reader, sql: string, parameters: object = {}): number {
  return (reader.get(sql, parameters) as { n: number } | undefined)?.n ?? 0;
}

const partyTotal = (reader: Reader, party: 'sender' | 'recipient', name: string): number =>
  count(reader, `SELECT messages AS n FROM ${party}_rollup WHERE ${party} = @name`, { name });

function pickPartyIndex(reader: Reader, { from, to }: Filter): Index {
  if (from === undefined) return to === undefined ? 'messages_by_time' : 'messages_by_recipient';
  if (to === undefined) return 'messages_by_sender';
  const isRecipientRarer = partyTotal(reader, 'recipient', to) < partyTotal(reader, 'sender', from);
  return isRecipientRarer ? 'messages_by_recipient' : 'messages_by_sender';
}

/** The index that returns the messages of the filter in order and reads the fewest others. */
export function pickIndex(reader: Reader, filter: Filter): Index {
  const { from, to, source } = filter;
  if (source === undefined) return pickPartyIndex(reader, filter);
  const isRare = (party: 'sender' | 'recipient', name: string | undefined): boolean =>
    name !== undefined && partyTotal(reader, party, name) <= FEW_ROWS;
  const isPartyRare = isRare('sender', from) || isRare('recipient', to);
  return isPartyRare ? pickPartyIndex(reader, filter) : 'messages_by_source';
}

/** The series of the messages that the filter's columns select. Undefined when there is none. */
export function findSeries(reader: Reader, filter: Filter): number | undefined {
  if (!isBucketed(filter)) return undefined;
  const { from = '', to = '' } = filter;
  if (from === '' && to === '') return ALL_SERIES;
  const row = reader.get('SELECT id FROM series WHERE sender = @from AND recipient = @to', { from, to });
  return (row as { id: number } | undefined)?.id;
}

const widthsOf = (series: number): number[] =>
  series === ALL_SERIES ? [DAY_SECONDS, HOUR_SECONDS, MINUTE_SECONDS] : [DAY_SECONDS, HOUR_SECONDS];

/** Counts rows. Ignores the needle of `filter`. */
function countRows(reader: Reader, filter: Filter, index: Index): number {
  const { sql, parameters } = columnConditions(filter);
  return count(
    reader,
    `SELECT count(*) AS n FROM messages AS m INDEXED BY ${index} ${where(sql)}`,
    parameters,
  );
}

/**
 * The messages of a series in `[since, until)`: whole buckets of the greatest width, and narrower ones at both ends.
 */
function sumBuckets(
  reader: Reader,
  series: number,
  [width, ...narrower]: number[],
  since: number,
  until: number,
  countEdge: (since: number, until: number) => number,
): number {
  if (since >= until) return 0;
  if (width === undefined) return countEdge(since, until);
  const rest = (from: number, to: number) => sumBuckets(reader, series, narrower, from, to, countEdge);
  const first = Math.ceil(since / width) * width;
  const end = Math.floor(until / width) * width;
  if (first >= end) return rest(since, until);
  const whole = count(
    reader,
    `SELECT coalesce(sum(messages), 0) AS n FROM buckets
     WHERE series = @series AND seconds = @width AND start >= @first AND start < @end`,
    { series, width, first, end },
  );
  return rest(since, first) + whole + rest(end, until);
}

function countSeries(reader: Reader, filter: Filter, series: number, since: number, until: number): number {
  return sumBuckets(reader, series, widthsOf(series), since, until, (from, to) =>
    countRows(reader, { ...filter, since: from, until: to }, pickIndex(reader, filter)),
  );
}

/**
 * The exact number of messages that the filter's columns select, without its needle. Takes a few milliseconds at
 * most, and with a source about 0.1 s for each million of its messages.
 */
export function countColumns(reader: Reader, filter: Filter, { seriesMessagesMin }: Format): number {
  if (!isBucketed(filter)) return countRows(reader, filter, pickIndex(reader, filter));
  const { from, to } = filter;
  const { since, until } = timeRange(filter);
  const isTimed = filter.since !== undefined || filter.until !== undefined;
  if (!isTimed && from !== undefined && to === undefined) return partyTotal(reader, 'sender', from);
  if (!isTimed && to !== undefined && from === undefined) return partyTotal(reader, 'recipient', to);
  const series = findSeries(reader, filter);
  if (series !== undefined) return countSeries(reader, filter, series, since, until);
  const parties = [
    ...(from === undefined ? [] : [partyTotal(reader, 'sender', from)]),
    ...(to === undefined ? [] : [partyTotal(reader, 'recipient', to)]),
  ];
  // if both have a series and the pair has none, they share no message
  if (parties.every((total) => total >= seriesMessagesMin) && parties.length === 2) return 0;
  return countRows(reader, filter, pickIndex(reader, filter));
}

/** Whether the filter's columns select at most `rowsMax` messages. Reads little more than so many rows. */
export function selectsFew(reader: Reader, filter: Filter, format: Format, rowsMax: number): boolean {
  if (isBucketed(filter)) return countColumns(reader, filter, format) <= rowsMax;
  const { sql, parameters } = columnConditions(filter);
  const rows = `SELECT 1 FROM messages AS m INDEXED BY ${pickIndex(reader, filter)} ${where(sql)} LIMIT @rows`;
  return (
    count(reader, `SELECT count(*) AS n FROM (${rows})`, { ...parameters, rows: rowsMax + 1 }) <= rowsMax
  );
}

/** The position of a message by rank: at or after `since`, with `skip` other matches in between. */
export interface Spot {
  since: number;
  skip: number;
}

/**
 * Finds the message that has `offset` others before it, in ascending order. Undefined when there are no buckets for
 * the filter.
 */
export function locate(reader: Reader, filter: Filter, offset: number): Spot | undefined {
  const series = findSeries(reader, filter);
  if (series === undefined) return undefined;
  const { since } = timeRange(filter);
  const rank = countSeries(reader, filter, series, 0, since) + offset;
  let start = 0;
  let end = Number.MAX_SAFE_INTEGER;
  let before = 0;
  for (const width of widthsOf(series)) {
    const buckets = reader.all(
      `SELECT start, messages FROM buckets
       WHERE series = @series AND seconds = @width AND start >= @start AND start < @end ORDER BY start`,
      { series, width, start, end },
    ) as { start: number; messages: number }[];
    for (const bucket of buckets) {
      start = bucket.start;
      if (before + bucket.messages > rank) break;
      before += bucket.messages;
    }
    end = start + width;
  }
  return { since: start, skip: rank - before };
}
