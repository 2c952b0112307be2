/** One page of messages in their order, by the way that reads the least. */
import { HOUR_SECONDS } from '@lyftr/shared/database';
import type { Place } from './cursor.js';
import { columnConditions, timeRange, where, type Conditions, type Filter } from './filter.js';
import type { Hits } from './matches.js';
import type { Needle } from './needle.js';
import { findSeries, locate, pickIndex } from './series.js';
import type { Reader } from './store.js';
import type { Tuning } from './tuning.js';

export interface Page {
  order: 'asc' | 'desc';
  limit: number;
  offset: number;
  /** The page begins behind this place; `offset` is 0 then. */
  after: Place | undefined;
  /** Ends the page behind the row with which the texts in it reach this size. `offset` is 0 then. */
  bytesMax?: number;
}

/** A row of `messages`; `extra` is the JSON text of an object. */
export interface Row {
  message_id: string;
  sender: string;
  recipient: string;
  ts: number;
  text: string;
  extra: string | null;
}

export const COLUMNS = 'm.message_id, m.sender, m.recipient, m.ts, m.text, m.extra';
/** Looks at the clock, which a walk without a match would not, at one row in a thousand. */
export const IN_TIME = '(m.seq & 1023 <> 0 OR in_time())';

const orderBy = (order: Page['order']): string => {
  const direction = order === 'asc' ? 'ASC' : 'DESC';
  return `ORDER BY m.ts ${direction}, m.message_id ${direction}`;
};

function addPlace({ sql, parameters }: Conditions, { order, after }: Page): void {
  if (after === undefined) return;
  sql.push(`(m.ts, m.message_id) ${order === 'asc' ? '>' : '<'} (@afterTs, @afterId)`);
  parameters['afterTs'] = after.ts;
  parameters['afterId'] = after.message_id;
}

/** What of a row can be large. SQLite knows these lengths without reading the texts. */
const BYTES = 'octet_length(m.text) + ifnull(octet_length(m.extra), 0)';

/** Numbers of rows first, rows afterwards: what is sorted or skipped is not read in full. */
function run(reader: Reader, from: string, { sql, parameters }: Conditions, page: Page): Row[] {
  const order = orderBy(page.order);
  const select = (columns: string): string =>
    `SELECT ${columns} FROM ${from} ${where(sql)} ${order} LIMIT @limit OFFSET @offset`;
  const numbers =
    page.bytesMax === undefined
      ? select('m.seq AS seq')
      : `SELECT seq FROM (SELECT seq, sum(bytes) OVER (${order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
           FROM (${select(`m.seq AS seq, m.ts AS ts, m.message_id AS message_id, ${BYTES} AS bytes`)}) AS m)
         WHERE before IS NULL OR before < @bytesMax`;
  return reader.all(
    `SELECT ${COLUMNS} FROM (${numbers}) AS page CROSS JOIN messages AS m ON m.seq = page.seq ${order}`,
    { ...parameters, limit: page.limit, offset: page.offset, bytesMax: page.bytesMax },
  ) as Row[];
}

/** Walks an index, and tests each row for the needle when there is one. */
function walk(reader: Reader, filter: Filter, page: Page, needle: Needle | undefined): Row[] {
  const conditions = columnConditions(filter);
  addPlace(conditions, page);
  if (needle !== undefined) {
    conditions.sql.push(needle.condition, IN_TIME);
    Object.assign(conditions.parameters, needle.parameters);
  }
  return run(reader, `messages AS m INDEXED BY ${pickIndex(reader, filter)}`, conditions, page);
}

/** The same rows, counted from the other end. */
function fromOtherEnd(page: Page, total: number): Page {
  const limit = Math.min(page.limit, total - page.offset);
  return {
    ...page,
    order: page.order === 'asc' ? 'desc' : 'asc',
    limit,
    offset: total - page.offset - limit,
  };
}

/**
 * A page of what a sender and a recipient have together. Walking the messages of either may pass many before the first of
 * both; the pair's buckets tell in which hours they are.
 */
function pairPage(reader: Reader, filter: Filter, page: Page, series: number): Row[] {
  const { order, limit, offset } = page;
  const { since, until } = timeRange(filter);
  // the range is not the index's business here, but each hour is: hence the +
  const { sql, parameters } = columnConditions({ ...filter, since: undefined, until: undefined });
  const conditions = {
    sql: [
      ...sql,
      '+m.ts >= @since',
      '+m.ts < @until',
      'm.ts >= hour.start',
      `m.ts < hour.start + ${HOUR_SECONDS}`,
    ],
    // an hour has at least one message of the pair, but those at the ends, which the range or the place may cut
    parameters: { ...parameters, since, until, series, hours: offset + limit + 2 },
  };
  addPlace(conditions, page);
  const { after } = page;
  const from = order === 'asc' ? Math.max(since, after?.ts ?? 0) : since;
  const to = order === 'desc' && after !== undefined ? Math.min(until, after.ts + 1) : until;
  Object.assign(conditions.parameters, { from_ts: from, to_ts: to });
  const hours = `SELECT start FROM buckets WHERE series = @series AND seconds = ${HOUR_SECONDS}
    AND start > @from_ts - ${HOUR_SECONDS} AND start < @to_ts ORDER BY start ${order === 'asc' ? 'ASC' : 'DESC'} LIMIT @hours`;
  const rows = `(${hours}) AS hour CROSS JOIN messages AS m INDEXED BY ${pickIndex(reader, filter)}`;
  return run(reader, rows, conditions, page);
}

function columnsWalk(reader: Reader, filter: Filter, page: Page): Row[] {
  const isPair = filter.from !== undefined && filter.to !== undefined;
  const series = isPair ? findSeries(reader, filter) : undefined;
  return series === undefined
    ? walk(reader, filter, page, undefined)
    : pairPage(reader, filter, page, series);
}

/** A page of messages whatever their text; `total` is what the filter selects. */
export function columnsPage(
  reader: Reader,
  filter: Filter,
  page: Page,
  total: number,
  { skipMax }: Tuning,
): Row[] {
  if (page.offset >= total) return [];
  if (page.after !== undefined || page.offset <= skipMax) return columnsWalk(reader, filter, page);
  // buckets are counted upwards
  const upwards = page.order === 'asc' ? page : fromOtherEnd(page, total);
  const spot = locate(reader, filter, upwards.offset);
  const rows =
    spot === undefined
      ? walk(reader, filter, upwards, undefined)
      : columnsWalk(reader, { ...filter, since: spot.since }, { ...upwards, offset: spot.skip });
  return page.order === 'asc' ? rows : rows.toReversed();
}

/**
 * A page of matches that are all known by their row and time. They are nearly in order already. Only the page itself is
 * read, and those that share a second with its ends: their ids decide.
 */
export function hitsPage(reader: Reader, { seqs, times }: Hits, page: Page): Row[] {
  const { order, limit, offset, after } = page;
  const sign = order === 'asc' ? 1 : -1;
  const time = (place: number): number => sign * (times[place] as number);
  const places = Array.from(seqs.keys()).toSorted((a, b) => time(a) - time(b));
  /** How many of them are before a time, or before and at it. */
  const before = (limitTime: number, inclusive: boolean): number => {
    let [low, high] = [0, places.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = time(places[middle] as number);
      if (at < limitTime || (inclusive && at === limitTime)) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const first = after === undefined ? offset : before(sign * after.ts, true);
  const start = after === undefined ? offset : before(sign * after.ts, false);
  const lastPlace = places[Math.min(first + limit, places.length) - 1];
  if (lastPlace === undefined) return [];
  const firstPlace = places[start];
  const from = firstPlace === undefined ? places.length : before(time(firstPlace), false);
  const wanted = places.slice(from, before(time(lastPlace), true)).map((place) => seqs[place]);
  const conditions: Conditions = { sql: [], parameters: { hits: JSON.stringify(wanted) } };
  addPlace(conditions, page);
  const source = 'json_each(@hits) AS hit CROSS JOIN messages AS m ON m.seq = hit.value';
  return run(reader, source, conditions, { ...page, offset: after === undefined ? offset - from : 0 });
}

/** A page of `total` matches that are found by testing rows from the nearer end. */
export function walkPage(reader: Reader, filter: Filter, page: Page, needle: Needle, total: number): Row[] {
  if (page.offset >= total) return [];
  if (page.after !== undefined || page.offset <= total / 2) return walk(reader, filter, page, needle);
  return walk(reader, filter, fromOtherEnd(page, total), needle).toReversed();
}
