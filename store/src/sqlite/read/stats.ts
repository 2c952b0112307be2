/** Reads the totals and the senders with the most messages. */
import type { Stats, StatsQuery } from '../../store.js';
import { timeRange } from './conditions.js';
import { IN_TIME } from './page.js';
import type { Reader } from './snapshots.js';

interface Totals {
  total: number;
  senders: number;
  first: number | null;
  last: number | null;
}

const TOTALS = `SELECT
  (SELECT sum(CASE name WHEN 'created' THEN value ELSE -value END) FROM counters WHERE name IN ('created', 'removed')) AS total,
  (SELECT count(*) FROM sender_rollup) AS senders,
  (SELECT min(ts) FROM messages) AS first,
  (SELECT max(ts) FROM messages) AS last`;

const TOP_SENDERS = `SELECT sender AS "from", messages AS count
  FROM sender_rollup INDEXED BY sender_rollup_by_messages
  ORDER BY messages DESC, sender LIMIT @top`;

const IN_RANGE = `FROM messages AS m INDEXED BY messages_by_time WHERE ts >= @since AND ts < @until`;

const EDGES = `SELECT (SELECT min(ts) ${IN_RANGE}) AS first, (SELECT max(ts) ${IN_RANGE}) AS last`;

/** The senders of a period have no rollup, so they are counted. */
const SENDERS_IN_RANGE = `SELECT sender AS "from", count(*) AS count, count(*) OVER () AS senders, sum(count(*)) OVER () AS total
  ${IN_RANGE} AND ${IN_TIME} GROUP BY sender ORDER BY 2 DESC, 1 LIMIT @top`;

const toStats = ({ total, senders, first, last }: Totals, top: Stats['senders']): Stats => ({
  messages: total,
  sendersCount: senders,
  senders: top,
  first,
  last,
});

export function readStats(reader: Reader, query: StatsQuery): Stats {
  const { top } = query;
  const range = timeRange(query);
  const totals = reader.get(TOTALS) as Totals;
  const coversAll =
    totals.first === null || (range.since <= totals.first && range.until > (totals.last as number));
  if (coversAll) return toStats(totals, reader.all(TOP_SENDERS, { top }) as Stats['senders']);
  const edges = reader.get(EDGES, range) as Pick<Totals, 'first' | 'last'>;
  const rows = reader.all(SENDERS_IN_RANGE, { ...range, top }) as {
    from: string;
    count: number;
    senders: number;
    total: number;
  }[];
  const [row] = rows;
  return toStats(
    { total: row?.total ?? 0, senders: row?.senders ?? 0, ...edges },
    rows.map(({ from, count }) => ({ from, count })),
  );
}
