/** Runs a plan: the exact number of matches, and one page of them. Both belong in one snapshot. */
import type { Place } from './cursor.js';
import { columnConditions, timeRange, where, type Filter } from './filter.js';
import { pickPlan, type Plan } from './plan.js';
import type { Reader } from './store.js';

export interface Page {
  order: 'asc' | 'desc';
  limit: number;
  offset: number;
  /** The page begins behind this place. */
  after: Place | undefined;
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

/**
 * FTS5 takes U+FFFE and U+FFFF for U+FFFD, so a needle with one of the three also finds rows that have another of
 * them in its place.
 */
const BLURRED_BY_INDEX = /[\uFFFD-\uFFFF]/;

/** Rows that the text index knows by the needle, and rows that it does not know yet, tested one by one. */
const HITS = `(
  SELECT rowid AS seq FROM message_text WHERE message_text MATCH @phrase AND rowid <= @watermark
  UNION ALL
  SELECT seq FROM messages NOT INDEXED WHERE seq > @watermark AND contains(text, @needle)
) AS hit CROSS JOIN messages AS m ON m.seq = hit.seq`;

/** The column `n` of the only row; 0 when there is none. */
function count(reader: Reader, sql: string, parameters: object = {}): number {
  return (reader.get(sql, parameters) as { n: number } | undefined)?.n ?? 0;
}

interface Source {
  from: string;
  conditions: string[];
  parameters: Record<string, string | number>;
}

function source(reader: Reader, filter: Filter, plan: Plan, walk: string): Source {
  const { sql: conditions, parameters } = columnConditions(filter);
  const { needle } = filter;
  if (needle === undefined) return { from: `messages AS m ${walk}`, conditions, parameters };
  parameters['needle'] = needle;
  if (plan.text === 'scan' || BLURRED_BY_INDEX.test(needle)) conditions.push('contains(m.text, @needle)');
  if (plan.text === 'scan') return { from: `messages AS m ${walk}`, conditions, parameters };
  parameters['phrase'] = `"${needle.replaceAll('"', '""')}"`;
  parameters['watermark'] = count(reader, 'SELECT watermark AS n FROM text_index');
  return { from: HITS, conditions, parameters };
}

const HOUR_SECONDS = 3_600;
const COUNT_RANGE =
  'SELECT count(*) AS n FROM messages INDEXED BY messages_by_time WHERE ts >= @since AND ts < @until';

/** Whole hours from the rollup, the pieces at the two ends from the index. */
function countRange(reader: Reader, since: number, until: number): number {
  const firstHour = Math.ceil(since / HOUR_SECONDS);
  const endHour = Math.floor(until / HOUR_SECONDS);
  if (firstHour >= endHour) return count(reader, COUNT_RANGE, { since, until });
  return (
    count(
      reader,
      'SELECT coalesce(sum(messages), 0) AS n FROM hour_rollup WHERE hour >= @firstHour AND hour < @endHour',
      { firstHour, endHour },
    ) +
    count(reader, COUNT_RANGE, { since, until: firstHour * HOUR_SECONDS }) +
    count(reader, COUNT_RANGE, { since: endHour * HOUR_SECONDS, until })
  );
}

export function countMatches(reader: Reader, filter: Filter): number {
  const plan = pickPlan(filter);
  if (plan.total === 'counter') {
    return count(reader, "SELECT value AS n FROM counters WHERE name = 'created'");
  }
  if (plan.total === 'sender rollup') {
    return count(reader, 'SELECT messages AS n FROM sender_rollup WHERE sender = @from', {
      from: filter.from,
    });
  }
  if (plan.total === 'hour rollup') {
    const { since, until } = timeRange(filter);
    return countRange(reader, since, until);
  }
  const walk = plan.narrowed ? `INDEXED BY ${plan.index}` : 'NOT INDEXED';
  const { from, conditions, parameters } = source(reader, filter, plan, walk);
  return count(reader, `SELECT count(*) AS n FROM ${from} ${where(conditions)}`, parameters);
}

/** At most `limit` rows in `order` by `(ts, message_id)`; message ids compare by their UTF-8 bytes. */
export function findPage(reader: Reader, filter: Filter, page: Page): Row[] {
  const plan = pickPlan(filter);
  const { from, conditions, parameters } = source(reader, filter, plan, `INDEXED BY ${plan.index}`);
  const direction = page.order === 'asc' ? 'ASC' : 'DESC';
  const order = `ORDER BY m.ts ${direction}, m.message_id ${direction}`;
  if (page.after !== undefined) {
    const beyond = page.order === 'asc' ? '>' : '<';
    conditions.push(`(m.ts, m.message_id) ${beyond} (@afterTs, @afterId)`);
    parameters['afterTs'] = page.after.ts;
    parameters['afterId'] = page.after.message_id;
  }
  // numbers of rows first, rows afterwards: what is sorted or skipped is not read in full
  return reader.all(
    `SELECT m.message_id, m.sender, m.recipient, m.ts, m.text, m.extra
     FROM (SELECT m.seq AS seq FROM ${from} ${where(conditions)} ${order} LIMIT @limit OFFSET @offset) AS page
     CROSS JOIN messages AS m ON m.seq = page.seq
     ${order}`,
    { ...parameters, limit: page.limit, offset: page.offset },
  ) as Row[];
}
