/** Which messages are meant: the one place that turns parameters into SQL conditions. */
import { TS_SECONDS_MAX } from '@lyftr/shared/limits';

/** Every member narrows; `undefined` means that it does not. */
export interface Filter {
  from: string | undefined;
  to: string | undefined;
  /** Epoch seconds, inclusive. */
  since: number | undefined;
  /** Epoch seconds, exclusive. */
  until: number | undefined;
  /** What the folded text must contain; folded, never empty. */
  needle: string | undefined;
}

/** Conditions on `messages AS m`, apart from the text. `parameters` has a member for each name in `sql`. */
export interface Conditions {
  sql: string[];
  parameters: Record<string, string | number>;
}

export function columnConditions(filter: Filter): Conditions {
  const sql: string[] = [];
  const parameters: Conditions['parameters'] = {};
  const add = (name: 'from' | 'to' | 'since' | 'until', condition: string): void => {
    const value = filter[name];
    if (value === undefined) return;
    sql.push(condition);
    parameters[name] = value;
  };
  add('from', 'm.sender = @from');
  add('to', 'm.recipient = @to');
  add('since', 'm.ts >= @since');
  add('until', 'm.ts < @until');
  return { sql, parameters };
}

export const where = (conditions: readonly string[]): string =>
  conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;

/** The filter's range of `ts` with its open ends put in: `[since, until)`. */
export function timeRange(filter: Pick<Filter, 'since' | 'until'>): { since: number; until: number } {
  return {
    since: Math.max(0, filter.since ?? 0),
    until: Math.min(TS_SECONDS_MAX + 1, filter.until ?? TS_SECONDS_MAX + 1),
  };
}
