/** What writer and query both have to know about the database file. The tables are in the writer's migrations. */
import { join } from 'node:path';

/** Raised with every migration; query refuses to read a file of another version. */
export const SCHEMA_VERSION = 6;

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

/** Messages that retention has removed: `created` less these are the rows. */
export const REMOVED = 'removed';

/** Messages that were acknowledged, are gone, and were given up by an operator. Falls when one of them comes after all. */
export const WRITTEN_OFF = 'written_off';

/** Messages that were settled before ingest numbered its messages: nothing but their count is known. */
export const CARRIED = 'carried';

/** A trigram has three characters; a shorter search looks up the trigrams that begin with it. */
export const INDEXED_SEARCH_CHARS_MIN = 3;
/** `text_marks` has a row for so many characters of indexed text. */
export const TEXT_MARK_CHARS = 1_000_000;
/** `removals` has a row for so many numbers of rows. */
export const REMOVALS_PART_ROWS = 65_536;

/** A sender, a recipient or a pair of such has buckets of its own from this many messages on. */
export const SERIES_MESSAGES_MIN = 2_000;
/** Series 0 is all messages. */
export const ALL_SERIES = 0;
/** Widths of the buckets of a series, the widest first; minutes are kept for series 0 only. */
export const DAY_SECONDS = 86_400;
export const HOUR_SECONDS = 3_600;
export const MINUTE_SECONDS = 60;

const bucketsOf = (parties: string): string => `
  SELECT series.id AS series, width.value AS seconds, ts / width.value * width.value AS start, count(*) AS messages
  FROM json_each('[${DAY_SECONDS}, ${HOUR_SECONDS}]') AS width CROSS JOIN messages AS m CROSS JOIN series
  WHERE ${parties} GROUP BY 1, 2, 3`;

/** SQL: what `buckets` must hold, counted from the rows. A pass over all messages for each of its parts. */
export const COUNTED_BUCKETS = `
  SELECT ${ALL_SERIES} AS series, width.value AS seconds, ts / width.value * width.value AS start, count(*) AS messages
  FROM json_each('[${DAY_SECONDS}, ${HOUR_SECONDS}, ${MINUTE_SECONDS}]') AS width CROSS JOIN messages GROUP BY 2, 3
  UNION ALL ${bucketsOf("series.sender = m.sender AND series.recipient = ''")}
  UNION ALL ${bucketsOf("series.sender = '' AND series.recipient = m.recipient")}
  UNION ALL ${bucketsOf('series.sender = m.sender AND series.recipient = m.recipient')}`;
