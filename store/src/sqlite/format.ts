/** Facts about the database file that every part of this engine needs. The migrations define the tables. */
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { BUCKET_SECONDS } from '../store.js';

/** Raised with every migration. A reader refuses a file of another version. */
export const SCHEMA_VERSION = 8;

export function databaseFile(dataDir: string): string {
  return join(dataDir, 'lyftr.db');
}

/** Number of messages that retention removed. `created` minus this is the number of rows. */
export const REMOVED = 'removed';

/** Number of missing messages that an operator wrote off. Falls when such a message is stored later. */
export const WRITTEN_OFF = 'written_off';

/** Number of messages settled before messages had numbers. Only their count is known. */
export const CARRIED = 'carried';

/** A trigram has three characters. A shorter search looks up the trigrams that begin with it. */
export const INDEXED_SEARCH_CHARS_MIN = 3;
/**
 * The thresholds with which the file was written. They are stored in the file, because every reader must use the same
 * ones.
 */
export interface Format {
  /** A sender, a recipient or a pair of them gets its own buckets from this number of messages on. */
  seriesMessagesMin: number;
  /** `removals` has one row for this many row numbers. */
  removalsPartRows: number;
}

export const readFormat = (database: Database): Format =>
  database
    .prepare(
      'SELECT series_messages_min AS seriesMessagesMin, removals_part_rows AS removalsPartRows FROM format',
    )
    .get() as Format;

/** Series 0 contains all messages. */
export const ALL_SERIES = 0;
/** Widths of the buckets of a series. Only series 0 has minutes. */
export const { day: DAY_SECONDS, hour: HOUR_SECONDS, minute: MINUTE_SECONDS } = BUCKET_SECONDS;

const bucketsOf = (parties: string): string => `
  SELECT series.id AS series, width.value AS seconds, ts / width.value * width.value AS start, count(*) AS messages
  FROM json_each('[${DAY_SECONDS}, ${HOUR_SECONDS}]') AS width CROSS JOIN messages AS m CROSS JOIN series
  WHERE ${parties} GROUP BY 1, 2, 3`;

/** SQL that computes the content of `buckets` from the rows. Each part is one pass over all messages. */
export const COUNTED_BUCKETS = `
  SELECT ${ALL_SERIES} AS series, width.value AS seconds, ts / width.value * width.value AS start, count(*) AS messages
  FROM json_each('[${DAY_SECONDS}, ${HOUR_SECONDS}, ${MINUTE_SECONDS}]') AS width CROSS JOIN messages GROUP BY 2, 3
  UNION ALL ${bucketsOf("series.sender = m.sender AND series.recipient = ''")}
  UNION ALL ${bucketsOf("series.sender = '' AND series.recipient = m.recipient")}
  UNION ALL ${bucketsOf('series.sender = m.sender AND series.recipient = m.recipient')}`;
