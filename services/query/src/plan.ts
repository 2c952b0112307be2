/** How a filter is answered: the one place that chooses. Every choice gives the same answer, at another cost. */
import { INDEXED_SEARCH_CHARS_MIN } from '@lyftr/shared/database';
import type { Filter } from './filter.js';

export interface Plan {
  /** How the needle is found: not asked for, by testing every row, or in the text index and the tail behind it. */
  text: 'any' | 'scan' | 'index';
  /** Where the total comes from: a figure that the writer keeps, or counting. */
  total: 'counter' | 'sender rollup' | 'hour rollup' | 'count';
  /** The index that is walked when the text index is not; it delivers a page in its order. */
  index: 'messages_by_sender' | 'messages_by_recipient' | 'messages_by_time';
  /** False when nothing but the text narrows a count: the table is then read in its own order. */
  narrowed: boolean;
}

function textPlan(needle: string | undefined): Plan['text'] {
  if (needle === undefined) return 'any';
  // the index counts code points, `length` would count an emoji twice
  return Array.from(needle).length < INDEXED_SEARCH_CHARS_MIN ? 'scan' : 'index';
}

function totalPlan(filter: Filter): Plan['total'] {
  const timed = filter.since !== undefined || filter.until !== undefined;
  if (filter.needle !== undefined || filter.to !== undefined) return 'count';
  if (filter.from !== undefined) return timed ? 'count' : 'sender rollup';
  return timed ? 'hour rollup' : 'counter';
}

export function pickPlan(filter: Filter): Plan {
  const { from, to, since, until } = filter;
  let index: Plan['index'] = 'messages_by_time';
  if (to !== undefined) index = 'messages_by_recipient';
  if (from !== undefined) index = 'messages_by_sender';
  return {
    text: textPlan(filter.needle),
    total: totalPlan(filter),
    index,
    narrowed: [from, to, since, until].some((value) => value !== undefined),
  };
}
