/** Reads the number of messages per bucket of time. */
import { ProblemError } from '@lyftr/shared/errors';
import { BUCKET_SECONDS, TIMELINE_BUCKETS_MAX, type Bucket, type TimelineQuery } from '../../store.js';
import { ALL_SERIES, HOUR_SECONDS, type Format } from '../format.js';
import { columnConditions, timeRange, where, type Filter } from './conditions.js';
import { IN_TIME } from './page.js';
import { countColumns, findSeries, pickIndex } from './series.js';
import type { Reader } from './snapshots.js';

/** The query of the store, with the filter in the form of this engine. */
export interface TimelineTask {
  bucket: TimelineQuery['bucket'];
  filter: Filter;
}

/** Reads whole buckets as stored. The range may cut the first and the last one, so these are counted. */
function keptBuckets(
  reader: Reader,
  filter: Filter,
  series: number,
  width: number,
  format: Format,
): Bucket[] {
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
      return { start, count: countColumns(reader, cut, format) };
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

/** Throws ProblemError `invalid-query` when there would be too many buckets. */
export function readTimeline(reader: Reader, { bucket, filter }: TimelineTask, format: Format): Bucket[] {
  const width = BUCKET_SECONDS[bucket];
  const series = findSeries(reader, filter);
  const isKept = series !== undefined && (series === ALL_SERIES || width >= HOUR_SECONDS);
  const buckets = isKept
    ? keptBuckets(reader, filter, series, width, format)
    : countedBuckets(reader, filter, width);
  if (buckets.length > TIMELINE_BUCKETS_MAX) {
    throw new ProblemError('invalid-query', undefined, {
      errors: [
        {
          path: 'bucket',
          message: `gives more than ${TIMELINE_BUCKETS_MAX} buckets: use a wider bucket or a shorter range`,
        },
      ],
    });
  }
  return buckets;
}
