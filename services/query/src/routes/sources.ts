/** `GET /sources` and `GET /rejects`: the senders, how their keys are used, and what was not accepted from them. */
import type { RequestHandler } from 'express';
import type { Redis } from 'ioredis';
import { ProblemError } from '@lyftr/shared/errors';
import type { PublishedMetric } from '@lyftr/shared/metrics';
import {
  keyUsedField,
  REJECTS_KEY,
  REJECTS_MAX,
  type KeyAnswer,
  type Reject,
  type SourceAnswer,
  type SourcesAnswer,
} from '@lyftr/shared/sources';
import type { CurrentSources, Sources } from '@lyftr/sources/current';
import type { Source } from '@lyftr/sources/source';
import { readAcceptedBySource } from '@lyftr/queue/account';
import { readPublished, type Published } from '../system/published.js';
import { sumOf } from '../system/families.js';
import { parameterReader, type ParameterSchema } from './parameters.js';

const HOUR_MS = 60 * 60 * 1_000;

/** The use of all keys, from Redis. */
interface Use {
  accepted: Record<string, number>;
  metrics: readonly PublishedMetric[][];
  keysUsed: Published['keysUsed'];
}

const iso = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());

async function readUse(redis: Redis): Promise<Use> {
  try {
    const [accepted, { snapshots, retired, keysUsed }] = await Promise.all([
      readAcceptedBySource(redis),
      readPublished(redis),
    ]);
    const all = [...snapshots, ...(retired === undefined ? [] : [retired])];
    return { accepted, metrics: all.map(({ metrics }) => metrics), keysUsed };
  } catch {
    throw new ProblemError('not-ready', 'Redis is not responding. It holds the use of the sources.', {
      retryAfterSeconds: 1,
    });
  }
}

function keysOf({ name, keys }: Source, { metrics, keysUsed }: Use, retireAfterMs: number): KeyAnswer[] {
  const lastOf = (id: string): number | undefined => {
    const text = keysUsed[keyUsedField(name, id)];
    return text === undefined ? undefined : Number(text);
  };
  const now = Date.now();
  return keys.map(({ id, retired }) => {
    const last = lastOf(id);
    const isReplaced = keys.some(
      (other) => other.id !== id && !other.retired && last !== undefined && (lastOf(other.id) ?? 0) > last,
    );
    return {
      id,
      retired,
      used: sumOf(
        metrics,
        'webhook_key_used_total',
        ({ labels }) => labels['source'] === name && labels['key'] === id,
      ),
      last_used_at: iso(last),
      safe_to_retire: isReplaced && last !== undefined && now - last >= retireAfterMs,
    };
  });
}

function answerOf(source: Source, use: Use, { retireAfterHours }: Sources): SourceAnswer {
  const { name, scheme, mapping, idIsSigned } = source;
  const keys = keysOf(source, use, retireAfterHours * HOUR_MS);
  return {
    name,
    scheme,
    mapping: mapping ?? null,
    id_signed: idIsSigned,
    accepted: use.accepted[name] ?? 0,
    rejected: sumOf(use.metrics, 'webhook_rejected_total', ({ labels }) => labels['source'] === name),
    last_accepted_at: keys.reduce<string | null>(
      (last, { last_used_at: at }) => (at !== null && (last === null || at > last) ? at : last),
      null,
    ),
    keys,
  };
}

export function listSources(sources: CurrentSources, redis: Redis): RequestHandler {
  return async (_req, res) => {
    const current = sources.get();
    const use = await readUse(redis);
    const answer: SourcesAnswer = {
      data: Array.from(current.byName.values(), (source) => answerOf(source, use, current)),
      loaded_at: new Date(current.loadedAt).toISOString(),
      faults: [...sources.faults()],
    };
    res.json(answer);
  };
}

export const rejectsParameters = {
  type: 'object',
  properties: {
    source: { type: 'string', maxLength: 32, description: 'Name of the source.' },
    limit: {
      type: 'integer',
      minimum: 1,
      maximum: 100,
      default: 50,
      description: 'Maximum number of rejected deliveries to return.',
    },
    offset: {
      type: 'integer',
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      default: 0,
      description: 'Number of rejected deliveries to skip.',
    },
  },
  additionalProperties: false,
} as const satisfies ParameterSchema;

/** The newest first. Ingest keeps the last 1,000. */
export function listRejects(redis: Redis): RequestHandler {
  const read = parameterReader<{ source?: string; limit: number; offset: number }>(rejectsParameters);
  return async (req, res) => {
    const { source, limit, offset } = read(req.url);
    const texts = await redis.lrange(REJECTS_KEY, 0, REJECTS_MAX - 1).catch(() => {
      throw new ProblemError('not-ready', 'Redis is not responding. It holds the rejected deliveries.', {
        retryAfterSeconds: 1,
      });
    });
    const rejects = texts
      .map((text) => JSON.parse(text) as Reject)
      .filter((reject) => source === undefined || reject.source === source);
    const total = rejects.length;
    res.json({
      total,
      limit,
      offset,
      data: rejects.slice(offset, offset + limit),
      has_more: offset + limit < total,
    });
  };
}
