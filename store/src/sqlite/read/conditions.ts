/** Which messages are meant: the one place that turns a filter into SQL, and says what can be counted without the rows. */
import { TS_SECONDS_MAX } from '@lyftr/shared/limits';
import type { Filter as StoreFilter } from '../../store.js';

/** A filter as this engine looks it up. */
export interface Filter extends Omit<StoreFilter, 'text'> {
  /** The folded text. */
  needle: string | undefined;
}

type Column = Exclude<keyof Filter, 'needle'>;

interface ColumnFilter {
  /** Tests `messages AS m`; its parameter has the name of the filter. */
  condition: string;
  /** Whether rollups and buckets count by it. Rows are counted where a filter is set that they do not know. */
  isBucketed: boolean;
}

/** Every filter but the text has its place here, or this does not compile. */
const COLUMNS: Readonly<Record<Column, ColumnFilter>> = {
  from: { condition: 'm.sender = @from', isBucketed: true },
  to: { condition: 'm.recipient = @to', isBucketed: true },
  since: { condition: 'm.ts >= @since', isBucketed: true },
  until: { condition: 'm.ts < @until', isBucketed: true },
};
const NAMES = Object.keys(COLUMNS) as Column[];

/** Conditions on `messages AS m`, apart from the text. `parameters` has a member for each name in `sql`. */
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

/** Whether rollups and buckets can count what the columns of a filter select. */
export const isBucketed = (filter: Filter): boolean =>
  NAMES.every((name) => filter[name] === undefined || COLUMNS[name].isBucketed);

export const where = (conditions: readonly string[]): string =>
  conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;

/** The filter's range of `ts` with its open ends put in: `[since, until)`. */
export function timeRange(filter: Pick<Filter, 'since' | 'until'>): { since: number; until: number } {
  return {
    since: Math.max(0, filter.since ?? 0),
    until: Math.min(TS_SECONDS_MAX + 1, filter.until ?? TS_SECONDS_MAX + 1),
  };
}
