import type { RequestHandler } from 'express';
import { secondsToIso } from './iso.js';
import { parameterReader, type ParameterSchema } from './parameters.js';
import type { Store } from './store.js';

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
  },
  additionalProperties: false,
} as const satisfies ParameterSchema;

export interface StatsAnswer {
  total_messages: number;
  senders_count: number;
  /** By count, descending, then by the UTF-8 bytes of the name. */
  messages_per_sender: { from: string; count: number }[];
  /** ISO 8601, UTC; null when there is no message. */
  first_message_ts: string | null;
  last_message_ts: string | null;
}

interface Totals {
  total_messages: number;
  senders_count: number;
  first_ts: number | null;
  last_ts: number | null;
}

const TOTALS = `SELECT
  (SELECT value FROM counters WHERE name = 'created') AS total_messages,
  (SELECT count(*) FROM sender_rollup) AS senders_count,
  (SELECT min(ts) FROM messages) AS first_ts,
  (SELECT max(ts) FROM messages) AS last_ts`;

const TOP_SENDERS = `SELECT sender AS "from", messages AS count
  FROM sender_rollup INDEXED BY sender_rollup_by_messages
  ORDER BY messages DESC, sender LIMIT @top`;

const isoOrNull = (seconds: number | null): string | null =>
  seconds === null ? null : secondsToIso(seconds);

/** `GET /stats`: figures that the writer keeps, so its cost does not grow with the messages. */
export function getStats(store: Store): RequestHandler {
  const read = parameterReader<{ top: number }>(statsParameters);
  return (req, res) => {
    const { top } = read(req.url);
    const answer = store.read((reader): StatsAnswer => {
      const totals = reader.get(TOTALS) as Totals;
      return {
        total_messages: totals.total_messages,
        senders_count: totals.senders_count,
        messages_per_sender: reader.all(TOP_SENDERS, { top }) as StatsAnswer['messages_per_sender'],
        first_message_ts: isoOrNull(totals.first_ts),
        last_message_ts: isoOrNull(totals.last_ts),
      };
    });
    res.json(answer);
  };
}
