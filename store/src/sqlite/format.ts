/** What every part of this engine has to know about the database file. The tables are in the migrations. */
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { BUCKET_SECONDS } from '../store.js';

/** Raised with every migration. A reader refuses a file of another version. */
export const SCHEMA_VERSION = 7;

export function databaseFile(dataDir: string): string {
  return join(dataDir, 'lyftr.db');
}

/** Messages that retention has removed: `created` less these are the rows. */
export const REMOVED = 'removed';

/** Messages that were acknowledged, are gone, and were given up by an operator. Falls when one of them comes after all. */
export const WRITTEN_OFF = 'written_off';

/** Messages that were settled before ingest numbered its messages: nothing but their count is known. */
export const CARRIED = 'carried';

/** A trigram has three characters; a shorter search looks up the trigrams that begin with it. */
export const INDEXED_SEARCH_CHARS_MIN = 3;
/** Thresholds that the file was written by. They are in the file, because every reader has to use the same ones. */
export interface Format {
  /** A sender, a recipient or a pair of such has buckets of its own from this many messages on. */
  seriesMessagesMin: number;
  /** `removals` has a row for so many numbers of rows. */
  removalsPartRows: number;
}

export const readFormat = (database: Database): Format =>
  database
    .prepare(
      'SELECT series_messages_min AS seriesMessagesMin, removals_part_rows AS removalsPartRows FROM format',
    )
    .get() as Format;

/** Series 0 is all messages. */
export const ALL_SERIES = 0;
/** Widths of the buckets of a series; minutes are kept for series 0 only. */
export const { day: DAY_SECONDS, hour: HOUR_SECONDS, minute: MINUTE_SECONDS } = BUCKET_SECONDS;

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
