/** The figures of `GET /stats/timeline`: messages per bucket of time. */
import { ALL_SERIES, DAY_SECONDS, HOUR_SECONDS, MINUTE_SECONDS } from '@lyftr/shared/database';
import { ProblemError } from '@lyftr/shared/errors';
import { columnConditions, timeRange, where, type Filter } from './filter.js';
import { secondsToIso } from './iso.js';
import { IN_TIME } from './page.js';
import { countColumns, findSeries, pickIndex } from './series.js';
import type { Reader } from './store.js';

export const BUCKET_WIDTHS = { minute: MINUTE_SECONDS, hour: HOUR_SECONDS, day: DAY_SECONDS } as const;
export const TIMELINE_BUCKETS_MAX = 10_000;

export interface TimelineQuery {
  bucket: keyof typeof BUCKET_WIDTHS;
  /** Its needle is not looked at. */
  filter: Filter;
}

export interface TimelineAnswer {
  bucket: TimelineQuery['bucket'];
  /** In order; buckets without a message are left out. `start` is ISO 8601, UTC. */
  data: { start: string; count: number }[];
}

interface Bucket {
  start: number;
  count: number;
}

/** Whole buckets as they are kept; the first and the last may be cut by the range, and are counted. */
function keptBuckets(reader: Reader, filter: Filter, series: number, width: number): Bucket[] {
  const { since, until } = timeRange(filter);
  const buckets = reader.all(
    `SELECT start, messages AS count FROM buckets
     WHERE series = @series AND seconds = @width AND start > @since - @width AND start < @until ORDER BY start LIMIT @limit`,
    { series, width, since, until, limit: TIMELINE_BUCKETS_MAX + 1 },
  ) as Bucket[];
  return buckets
    .map(({ start, count }) => {
      if (start >= since && start + width <= until) return { start, count };
      const cut = { ...filter, since: Math.max(start, since), until: Math.min(start + width, until) };
      return { start, count: countColumns(reader, cut) };
    })
    .filter(({ count }) => count > 0);
}

function countedBuckets(reader: Reader, filter: Filter, width: number): Bucket[] {
  const { sql, parameters } = columnConditions(filter);
  return reader.all(
    `SELECT m.ts / @width * @width AS start, count(*) AS count
     FROM messages AS m INDEXED BY ${pickIndex(reader, filter)} ${where([...sql, IN_TIME])}
     GROUP BY 1 ORDER BY 1 LIMIT @limit`,
    { ...parameters, width: BigInt(width), limit: TIMELINE_BUCKETS_MAX + 1 },
  ) as Bucket[];
}

/** Throws ProblemError `invalid-query` when there are too many buckets. */
export function readTimeline(reader: Reader, { bucket, filter }: TimelineQuery): TimelineAnswer {
  const width = BUCKET_WIDTHS[bucket];
  const series = findSeries(reader, filter);
  const isKept = series !== undefined && (series === ALL_SERIES || width >= HOUR_SECONDS);
  const buckets = isKept ? keptBuckets(reader, filter, series, width) : countedBuckets(reader, filter, width);
  if (buckets.length > TIMELINE_BUCKETS_MAX) {
    throw new ProblemError('invalid-query', undefined, {
      errors: [
        {
          path: 'bucket',
          message: `gives more than ${TIMELINE_BUCKETS_MAX} buckets: take a wider one, or a shorter range`,
        },
      ],
    });
  }
  return { bucket, data: buckets.map(({ start, count }) => ({ start: secondsToIso(start), count })) };
}
