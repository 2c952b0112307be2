/** Converts a filter to SQL, and tells what can be counted without reading rows. Only this file does so. */
import { TS_SECONDS_MAX } from '@lyftr/shared/limits';
import type { Filter as StoreFilter } from '../../store.js';

/** A filter in the form of this engine. */
export interface Filter extends Omit<StoreFilter, 'text'> {
  /** The folded search text. */
  needle: string | undefined;
}

type Column = Exclude<keyof Filter, 'needle'>;

interface ColumnFilter {
  /** A condition on `messages AS m`. Its parameter has the name of the filter member. */
  condition: string;
  /**
   * Whether rollups and buckets know this member. If a filter sets a member that they do not know, rows are counted.
   */
  isBucketed: boolean;
}

/** Every member of a filter except the text. A missing member does not compile. */
const COLUMNS: Readonly<Record<Column, ColumnFilter>> = {
  from: { condition: 'm.sender = @from', isBucketed: true },
  to: { condition: 'm.recipient = @to', isBucketed: true },
  since: { condition: 'm.ts >= @since', isBucketed: true },
  until: { condition: 'm.ts < @until', isBucketed: true },
  source: { condition: 'm.source = @source', isBucketed: false },
};
const NAMES = Object.keys(COLUMNS) as Column[];

/** Conditions on `messages AS m`, except the text. `parameters` has a member for each name in `sql`. */
export interface Conditions {
  sql: string[];
  parameters: Record<string, string | number>;
}

export function columnConditions(filter: Filter): Conditions {
  const conditions: Conditions = { sql: [], parameters: {} };
  for (const name of NAMES) {
    const value = filter[name];
    if (value === undefined) continue;
    conditions.sql.push(COLUMNS[name].condition);
    conditions.parameters[name] = value;
  }
  return conditions;
}

/** Whether rollups and buckets can count the messages that the columns of a filter select. */
export const isBucketed = (filter: Filter): boolean =>
  NAMES.every((name) => filter[name] === undefined || COLUMNS[name].isBucketed);

export const where = (conditions: readonly string[]): string =>
  conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;

/** The range of `ts` of a filter, `[since, until)`, with limits in place of open ends. */
export function timeRange(filter: Pick<Filter, 'since' | 'until'>): { since: number; until: number } {
  return {
    since: Math.max(0, filter.since ?? 0),
    until: Math.min(TS_SECONDS_MAX + 1, filter.until ?? TS_SECONDS_MAX + 1),
  };
}
