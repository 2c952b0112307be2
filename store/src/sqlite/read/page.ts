/** Reads one page of messages in order, in the way that reads the least. */
import type { Page as StorePage, SearchAnswer, StoredMessage } from '../../store.js';
import { HOUR_SECONDS } from '../format.js';
import { columnConditions, timeRange, where, type Conditions, type Filter } from './conditions.js';
import { LONG_TEXT_BYTES } from './matches.js';
import type { Needle } from './needle.js';
import type { Hits } from './remembered.js';
import { findSeries, locate, pickIndex } from './series.js';
import type { Limit, Reader } from './snapshots.js';
import type { Tuning } from './tuning.js';
import type { Turns } from './turns.js';

export interface Page extends StorePage {
  /** The page ends after the row at which its texts reach this size. `offset` is then 0. */
  bytesMax?: number;
}

export const COLUMNS =
  'm.message_id, m.sender AS "from", m.recipient AS "to", m.ts, m.text, m.extra, m.source';
/** Checks the time limit at one row in 1,024, so that a walk without matches ends too. */
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

/** The size of the large columns. SQLite knows these lengths without reading the texts. */
const BYTES = 'octet_length(m.text) + ifnull(octet_length(m.extra), 0)';

/**
 * Selects the row numbers first and reads the rows afterwards, so that sorted or skipped rows are not read
 * completely.
 */
function run(reader: Reader, from: string, { sql, parameters }: Conditions, page: Page): StoredMessage[] {
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
  ) as StoredMessage[];
}

/** Reads a page by walking an index. */
function walk(reader: Reader, filter: Filter, page: Page): StoredMessage[] {
  const conditions = columnConditions(filter);
  addPlace(conditions, page);
  return run(reader, `messages AS m INDEXED BY ${pickIndex(reader, filter)}`, conditions, page);
}

/** Reads a page of rows whose numbers are known. `seqs` may contain rows of other pages. */
function pick(reader: Reader, seqs: readonly number[], page: Page): StoredMessage[] {
  const conditions: Conditions = { sql: [], parameters: { seqs: JSON.stringify(seqs) } };
  addPlace(conditions, page);
  return run(
    reader,
    'json_each(@seqs) AS hit CROSS JOIN messages AS m ON m.seq = hit.value',
    conditions,
    page,
  );
}

/** The same page, counted from the other end. */
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
 * A page of the messages of a pair (sender and recipient). Walking the messages of either one could pass many rows
 * before the first of the pair. The buckets of the pair tell the hours of its messages.
 */
function pairPage(reader: Reader, filter: Filter, page: Page, series: number): StoredMessage[] {
  const { order, limit, offset } = page;
  const { since, until } = timeRange(filter);
  // the index must use the hour and not the range, hence the +
  const { sql, parameters } = columnConditions({ ...filter, since: undefined, until: undefined });
  const conditions = {
    sql: [
      ...sql,
      '+m.ts >= @since',
      '+m.ts < @until',
      'm.ts >= hour.start',
      `m.ts < hour.start + ${HOUR_SECONDS}`,
    ],
    // every listed hour has at least one message, except the first and the last, which the range or the cursor may
    // cut
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

function columnsWalk(reader: Reader, filter: Filter, page: Page): StoredMessage[] {
  const isPair = filter.from !== undefined && filter.to !== undefined;
  const series = isPair ? findSeries(reader, filter) : undefined;
  return series === undefined ? walk(reader, filter, page) : pairPage(reader, filter, page, series);
}

/** A page of messages without a text filter. `total` is the number of messages that the filter selects. */
export function columnsPage(
  reader: Reader,
  filter: Filter,
  page: Page,
  total: number,
  { skipMax }: Tuning,
): StoredMessage[] {
  if (page.offset >= total) return [];
  if (page.after !== undefined || page.offset <= skipMax) return columnsWalk(reader, filter, page);
  // buckets are counted in ascending order
  const upwards = page.order === 'asc' ? page : fromOtherEnd(page, total);
  const spot = locate(reader, filter, upwards.offset);
  const rows =
    spot === undefined
      ? walk(reader, filter, upwards)
      : columnsWalk(reader, { ...filter, since: spot.since }, { ...upwards, offset: spot.skip });
  return page.order === 'asc' ? rows : rows.toReversed();
}

/**
 * A page when the row and time of all matches are known. They are almost in order. Only the page itself is read, and
 * the matches that share a second with its ends: their ids decide.
 */
export function hitsPage(reader: Reader, { seqs, times }: Hits, page: Page): StoredMessage[] {
  const { order, limit, offset, after } = page;
  const sign = order === 'asc' ? 1 : -1;
  const time = (place: number): number => sign * (times[place] as number);
  const places = Array.from(seqs.keys()).toSorted((a, b) => time(a) - time(b));
  /** The number of matches before a time, or up to it when `inclusive`. */
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
  const wanted = places.slice(from, before(time(lastPlace), true)).map((place) => seqs[place] as number);
  return pick(reader, wanted, { ...page, offset: after === undefined ? offset - from : 0 });
}

/** Rows at which a walk checks the time limit, whether they match or not. */
const STOP = `(m.seq & 511 = 0 OR octet_length(m.text) > ${LONG_TEXT_BYTES})`;

/**
 * Walks an index and tests each row for the needle. Returns the numbers of `limit` matches after the first `offset`,
 * or undefined when it had to stop.
 */
function* walkMatches(
  reader: Reader,
  filter: Filter,
  page: Page,
  needle: Needle,
  turn: Limit,
): Turns<number[] | undefined> {
  const { sql, parameters } = columnConditions(filter);
  addPlace({ sql, parameters }, page);
  sql.push(`(${STOP} OR ${needle.condition})`);
  const rows = reader.iterate(
    `SELECT m.seq AS seq, CASE WHEN ${STOP} THEN ${needle.condition} ELSE 1 END AS isMatch
     FROM messages AS m INDEXED BY ${pickIndex(reader, filter)} ${where(sql)} ${orderBy(page.order)}`,
    { ...parameters, ...needle.parameters },
  ) as IterableIterator<{ seq: number; isMatch: number }>;
  const seqs: number[] = [];
  let toSkip = page.offset;
  for (const { seq, isMatch } of rows) {
    if (isMatch === 1 && toSkip > 0) toSkip--;
    else if (isMatch === 1 && seqs.push(seq) === page.limit) return seqs;
    if (turn.isOver() && !(yield)) return undefined;
  }
  return seqs;
}

/** A page of `total` matches, found by testing rows from the nearer end. Undefined when it had to stop. */
export function* walkPage(
  reader: Reader,
  filter: Filter,
  page: Page,
  needle: Needle,
  total: number,
  turn: Limit,
): Turns<StoredMessage[] | undefined> {
  if (page.offset >= total) return [];
  const isNear = page.after !== undefined || page.offset <= total / 2;
  const way = isNear ? page : fromOtherEnd(page, total);
  const seqs = yield* walkMatches(reader, filter, way, needle, turn);
  return seqs && pick(reader, seqs, { ...page, offset: 0 });
}

/** Tests each of the few rows that the columns select. Returns the number of matches and a page of them. */
export function* narrowPage(
  reader: Reader,
  filter: Filter,
  page: Page,
  needle: Needle,
  turn: Limit,
): Turns<SearchAnswer | undefined> {
  const all = { order: page.order, limit: Infinity, offset: 0, after: undefined };
  const seqs = yield* walkMatches(reader, filter, all, needle, turn);
  return seqs && { total: seqs.length, messages: pick(reader, seqs, page) };
}
