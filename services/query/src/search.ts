/** Runs a search: the exact number of matches, and one page of them from the same snapshot. */
import { columnConditions, where, type Filter } from './filter.js';
import { advance, readExtent, type Remembered } from './matches.js';
import { readNeedle, type Needle } from './needle.js';
import { columnsPage, hitsPage, walkPage, type Page, type Row } from './page.js';
import { count, countColumns, pickIndex } from './series.js';
import type { Limit, Reader, Store } from './store.js';
import { TUNING, type Tuning } from './tuning.js';

export interface SearchTask {
  filter: Filter;
  page: Page;
  /** What an earlier search for the same filter has counted. */
  remembered: Remembered | undefined;
}

export interface SearchResult {
  /** Undefined when the limit was over. */
  found: { total: number; rows: Row[] } | undefined;
  /** To be given to the next search for the same filter. */
  remembered: Remembered | undefined;
}

/** The few rows that the columns select, each tested. */
function searchNarrow(reader: Reader, { filter, page }: SearchTask, needle: Needle) {
  const { sql, parameters } = columnConditions(filter);
  sql.push(needle.condition);
  const total = count(
    reader,
    `SELECT count(*) AS n FROM messages AS m INDEXED BY ${pickIndex(reader, filter)} ${where(sql)}`,
    { ...parameters, ...needle.parameters },
  );
  return { total, rows: walkPage(reader, filter, page, needle, total) };
}

/** Few matches are known by their row; of many a page is soon found by walking. */
function matchesPage(
  reader: Reader,
  { filter, page }: SearchTask,
  needle: Needle,
  { count: total, hits }: Remembered,
): Row[] {
  if (total === 0) return [];
  if (hits !== undefined) return hitsPage(reader, hits, page);
  return walkPage(reader, filter, page, needle, total);
}

/** One snapshot's work: the answer, or a chunk of the count. */
function step(
  reader: Reader,
  task: SearchTask,
  remembered: Remembered | undefined,
  tuning: Tuning,
): SearchResult {
  const { filter, page } = task;
  const candidates = countColumns(reader, filter);
  if (filter.needle === undefined)
    return {
      found: { total: candidates, rows: columnsPage(reader, filter, page, candidates, tuning) },
      remembered,
    };
  const needle = readNeedle(filter.needle);
  if (candidates <= tuning.narrowRows) return { found: searchNarrow(reader, task, needle), remembered };
  const extent = readExtent(reader);
  const counted = advance(reader, filter, needle, extent, remembered, tuning);
  if (counted.upTo < extent.last) return { found: undefined, remembered: counted };
  const rows = matchesPage(reader, task, needle, counted);
  return { found: { total: counted.count, rows }, remembered: counted };
}

/**
 * Snapshot after snapshot, until there is an answer or the limit is over. Throws TimeoutError when it is over in a walk
 * for the page, and ProblemError `not-ready` without a database.
 */
export function search(store: Store, task: SearchTask, limit: Limit, tuning = TUNING): SearchResult {
  let result: SearchResult = { found: undefined, remembered: task.remembered };
  do {
    const { remembered } = result;
    result = store.read((reader) => step(reader, task, remembered, tuning), limit);
  } while (result.found === undefined && !limit.isOver());
  return result;
}
