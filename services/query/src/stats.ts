import type { RequestHandler } from 'express';
import { abandoned } from './abandoned.js';
import { filterConflicts, filterParameters, toFilter, type FilterQuery } from './messages.js';
import { parameterReader, type ParameterSchema } from './parameters.js';
import { BUCKET_WIDTHS, type TimelineQuery } from './read-timeline.js';
import type { Reads } from './reads.js';

const { since, until } = filterParameters;

export const statsParameters = {
  type: 'object',
  properties: {
    top: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000,
      default: 100,
      description: 'Senders in messages_per_sender, those with most messages first.',
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
      enum: Object.keys(BUCKET_WIDTHS),
      default: 'hour',
      description: 'Width of a bucket; at most 10,000 buckets are given.',
    },
    ...filterParameters,
  },
  additionalProperties: false,
} as const satisfies ParameterSchema;

/** `GET /stats`: figures that the writer keeps; only the senders of a part of the time are counted. */
export function getStats(reads: Reads): RequestHandler {
  const read = parameterReader<FilterQuery & { top: number }>(statsParameters);
  return async (req, res) => {
    const query = read(req.url);
    const filter = toFilter(query);
    res.json(await reads.stats({ top: query.top, since: filter.since, until: filter.until }, abandoned(res)));
  };
}

/** `GET /stats/timeline`: messages per minute, hour or day. */
export function getTimeline(reads: Reads): RequestHandler {
  const read = parameterReader<FilterQuery & Pick<TimelineQuery, 'bucket'>>(
    timelineParameters,
    filterConflicts,
  );
  return async (req, res) => {
    const query = read(req.url);
    res.json(await reads.timeline({ bucket: query.bucket, filter: toFilter(query) }, abandoned(res)));
  };
}
