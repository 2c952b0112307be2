/** Runs a search. Returns the exact number of matches and one page of them from the same snapshot. */
import type { SearchAnswer, StoredMessage } from '../../store.js';
import type { Filter } from './conditions.js';
import { advance, type Counting } from './matches.js';
import { readNeedle, type Needle } from './needle.js';
import { columnsPage, hitsPage, narrowPage, walkPage, type Page } from './page.js';
import { countOf, hitsOf, readExtent, readRemovals, stillTrue, type Remembered } from './remembered.js';
import { countColumns, selectsFew } from './series.js';
import type { Limit, Snapshot, Snapshots } from './snapshots.js';
import { createIndexQuery } from './trigrams.js';
import { TUNING, type Tuning } from './tuning.js';
import type { Turns } from './turns.js';

export interface SearchTask {
  filter: Filter;
  page: Page;
  /** The result of an earlier search for the same filter. */
  remembered: Remembered | undefined;
}

export interface SearchResult {
  /** Undefined when the search had to stop. */
  found: SearchAnswer | undefined;
  /** The result to pass to the next search for the same filter. */
  remembered: Remembered | undefined;
}

/** Reads a page of matches. If there are few, their rows are known. If there are many, walking finds a page soon. */
function* matchesPage(
  { reader, filter, needle }: Counting,
  page: Page,
  counted: Remembered,
  turn: Limit,
): Turns<SearchResult['found']> {
  const total = countOf(counted);
  const hits = hitsOf(counted);
  const messages: StoredMessage[] | undefined =
    hits === undefined
      ? yield* walkPage(reader, filter, page, needle, total, turn)
      : hitsPage(reader, hits, page);
  return messages && { total, messages };
}

interface Text {
  needle: Needle;
  indexQuery: Counting['indexQuery'];
  /** Whether the other columns select few rows. Decided in the first turn, because it may take a part of it. */
  isNarrow: boolean | undefined;
}

/** The work in one snapshot: the whole answer, or the part of the count for this turn. */
function* step(
  { reader, format }: Snapshot,
  { filter, page, remembered }: SearchTask,
  text: Text | undefined,
  turn: Limit,
  tuning: Tuning,
): Turns<SearchResult> {
  if (text === undefined) {
    const total = countColumns(reader, filter, format);
    return { found: { total, messages: columnsPage(reader, filter, page, total, tuning) }, remembered };
  }
  text.isNarrow ??= selectsFew(reader, filter, format, tuning.narrowRows);
  if (text.isNarrow) return { found: yield* narrowPage(reader, filter, page, text.needle, turn), remembered };
  const extent = readExtent(reader);
  const removals = readRemovals(reader, format);
  const { needle, indexQuery } = text;
  const counting: Counting = { reader, filter, needle, indexQuery, extent, removals, tuning };
  let counted = stillTrue(remembered, extent, removals);
  for (;;) {
    const more = advance(counting, counted);
    if (more === undefined)
      return { found: yield* matchesPage(counting, page, counted, turn), remembered: counted };
    counted = more;
    if (turn.isOver()) return { found: undefined, remembered: counted };
  }
}

/** Uses one snapshot after the other until there is an answer. Throws ProblemError `not-ready` without a database. */
export function* search(
  snapshots: Snapshots,
  task: SearchTask,
  turn: Limit,
  tuning = TUNING,
): Turns<SearchResult> {
  const { needle: folded } = task.filter;
  const needle = folded === undefined ? undefined : readNeedle(folded);
  const text = needle && { needle, indexQuery: createIndexQuery(needle, tuning), isNarrow: undefined };
  let result: SearchResult = { found: undefined, remembered: task.remembered };
  do {
    const snapshot = snapshots.snapshot();
    try {
      result = yield* step(snapshot, { ...task, remembered: result.remembered }, text, turn, tuning);
    } finally {
      snapshot.end();
    }
  } while (result.found === undefined && (yield));
  return result;
}
