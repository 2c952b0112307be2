/** What writer and query both have to know about the database file. The tables are in the writer's migrations. */
import { join } from 'node:path';

/** Raised with every migration; query refuses to read a file of another version. */
export const SCHEMA_VERSION = 2;

export function databaseFile(dataDir: string): string {
  return join(dataDir, 'lyftr.db');
}

/** Rows of `counters`: the outcome of every delivery that the writer has settled. */
export const OUTCOMES = ['created', 'duplicate', 'dead_letter'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** A duplicate whose content differs from what is stored: counted beside `duplicate`, not instead of it. */
export const CONFLICTING_DUPLICATE = 'conflicting_duplicate';

export const DEAD_LETTER_KINDS = ['corrupt_envelope', 'unstorable_message', CONFLICTING_DUPLICATE] as const;
export type DeadLetterKind = (typeof DEAD_LETTER_KINDS)[number];

/** Trigrams need three characters; a shorter search is a scan. */
export const INDEXED_SEARCH_CHARS_MIN = 3;
