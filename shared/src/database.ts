/** What writer and query both have to know about the database file. The tables are in the writer's migrations. */
import { join } from 'node:path';

/** Raised with every migration; query refuses to read a file of another version. */
export const SCHEMA_VERSION = 1;

export function databaseFile(dataDir: string): string {
  return join(dataDir, 'lyftr.db');
}

/** Rows of `counters`: the outcome of every delivery that the writer has settled. */
export const OUTCOMES = ['created', 'duplicate', 'dead_letter'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Trigrams need three characters; a shorter search is a scan. */
export const INDEXED_SEARCH_CHARS_MIN = 3;
