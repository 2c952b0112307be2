/** Reads the part of the ledger that is in the database. */
import type { StoreAccount } from '@lyftr/shared/ledger';
import { CONFLICTING_DUPLICATE, FANOUT, OUTCOMES } from '@lyftr/shared/outcomes';
import type { Range } from '@lyftr/shared/ranges';
import { CARRIED, WRITTEN_OFF } from '../format.js';

/** Runs a statement with named parameters. Rows are objects. */
type ReadAll = (sql: string, parameters: object) => unknown[];

/**
 * Call it inside one transaction. Reads only the ranges of `producers`, because the database keeps every producer of
 * all time.
 */
export function readStoreAccount(all: ReadAll, producers: Iterable<string>): StoreAccount {
  const counters = all('SELECT name, value FROM counters', {}) as { name: string; value: number }[];
  const counterOf = (wanted: string): number => counters.find(({ name }) => name === wanted)?.value ?? 0;
  const wanted = { producers: JSON.stringify([...producers]) };

  function rangesIn(table: 'ledger_ranges' | 'written_off_ranges'): Map<string, Range[]> {
    const rows = all(
      `SELECT producer, first, last FROM ${table}
       WHERE producer IN (SELECT value FROM json_each(:producers)) ORDER BY producer, first`,
      wanted,
    ) as { producer: string; first: number; last: number }[];
    const ranges = new Map<string, Range[]>();
    for (const { producer, first, last } of rows) {
      const of = ranges.get(producer) ?? [];
      of.push([first, last]);
      ranges.set(producer, of);
    }
    return ranges;
  }

  return {
    outcomes: Object.fromEntries(
      OUTCOMES.map((outcome) => [outcome, counterOf(outcome)]),
    ) as StoreAccount['outcomes'],
    conflictingDuplicates: counterOf(CONFLICTING_DUPLICATE),
    fanout: counterOf(FANOUT),
    writtenOff: counterOf(WRITTEN_OFF),
    carried: counterOf(CARRIED),
    committed: rangesIn('ledger_ranges'),
    writtenOffRanges: rangesIn('written_off_ranges'),
  };
}
