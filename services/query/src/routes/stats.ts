import type { RequestHandler } from 'express';
import { BUCKET_SECONDS, type ReadStore, type TimelineQuery } from '@lyftr/store/store';
import { abandoned } from './abandoned.js';
import { secondsToIso } from './iso.js';
import { filterConflicts, filterParameters, toFilter, type FilterQuery } from './messages.js';
import { parameterReader, type ParameterSchema } from './parameters.js';

const { since, until } = filterParameters;

export const statsParameters = {
  type: 'object',
  properties: {
    top: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000,
      default: 100,
      description:
        'Maximum number of senders in messages_per_sender. Those with the most messages come first.',
    },
    since,
    until,
  },
  additionalProperties: false,
} as const satisfies ParameterSchema;

export const timelineParameters = {
  type: 'object',
  properties: {
    bucket: {
      type: 'string',
      enum: Object.keys(BUCKET_SECONDS),
      default: 'hour',
      description: 'Width of a bucket. A response has at most 10,000 buckets.',
    },
    ...filterParameters,
  },
  additionalProperties: false,
} as const satisfies ParameterSchema;

export interface StatsAnswer {
  total_messages: number;
  senders_count: number;
  /** Ordered by count, descending, then by the UTF-8 bytes of the name. */
  messages_per_sender: { from: string; count: number }[];
  /** ISO 8601, UTC. Null when there are no messages. */
  first_message_ts: string | null;
  last_message_ts: string | null;
}

export interface TimelineAnswer {
  bucket: TimelineQuery['bucket'];
  /** In order of time, without empty buckets. `start` is ISO 8601, UTC. */
  data: { start: string; count: number }[];
}

const isoOrNull = (seconds: number | null): string | null =>
  seconds === null ? null : secondsToIso(seconds);

/** `GET /stats`: reads the totals that the writer maintains. Only the senders of a period are counted on request. */
export function getStats(store: ReadStore): RequestHandler {
  const read = parameterReader<FilterQuery & { top: number }>(statsParameters);
  return async (req, res) => {
    const query = read(req.url);
    const { since: from, until: to } = toFilter(query);
    const stats = await store.stats({ top: query.top, since: from, until: to }, abandoned(res));
    const answer: StatsAnswer = {
      total_messages: stats.messages,
      senders_count: stats.sendersCount,
      messages_per_sender: stats.senders,
      first_message_ts: isoOrNull(stats.first),
      last_message_ts: isoOrNull(stats.last),
    };
    res.json(answer);
  };
}

/** `GET /stats/timeline`: messages per minute, hour or day. */
export function getTimeline(store: ReadStore): RequestHandler {
  const read = parameterReader<FilterQuery & Pick<TimelineQuery, 'bucket'>>(
    timelineParameters,
    filterConflicts,
  );
  return async (req, res) => {
    const query = read(req.url);
    const { bucket } = query;
    const buckets = await store.timeline({ bucket, filter: toFilter(query) }, abandoned(res));
    const data = buckets.map(({ start, count }) => ({ start: secondsToIso(start), count }));
    const answer: TimelineAnswer = { bucket, data };
    res.json(answer);
  };
}
