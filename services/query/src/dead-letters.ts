/** `GET /dead-letters`: what could not be stored for its own sake, newest first. */
import type { RequestHandler } from 'express';
import { DEAD_LETTER_KINDS } from '@lyftr/shared/database';
import { ProblemError } from '@lyftr/shared/errors';
import { parameterReader, type ParameterSchema } from './parameters.js';
import type { Store } from './store.js';

export const deadLettersParameters = {
  type: 'object',
  properties: {
    limit: { type: 'integer', minimum: 1, maximum: 100, default: 50, description: 'Letters in the answer.' },
    offset: {
      type: 'integer',
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      default: 0,
      description: 'Letters passed over.',
    },
  },
  additionalProperties: false,
} as const satisfies ParameterSchema;

/** JSON Schema of a letter, for OpenAPI. */
export const deadLetterProperties = {
  id: { type: 'integer' },
  kind: { enum: [...DEAD_LETTER_KINDS] },
  reason: { type: 'string' },
  message_id: { type: ['string', 'null'] },
  received_at: { type: 'string', format: 'date-time' },
  raw: { type: 'string', description: 'JSON as it came out of the queue.' },
};

interface Row {
  id: number;
  kind: string;
  reason: string;
  message_id: string | null;
  received_at: number;
  raw: string;
}

const COLUMNS = 'id, kind, reason, message_id, received_at, raw';

const toAnswer = ({ received_at, ...letter }: Row) => ({
  ...letter,
  received_at: new Date(received_at).toISOString(),
});

export function listDeadLetters(store: Store): RequestHandler {
  const read = parameterReader<{ limit: number; offset: number }>(deadLettersParameters);
  return (req, res) => {
    const { limit, offset } = read(req.url);
    const answer = store.read((reader) => {
      const { total } = reader.get('SELECT count(*) AS total FROM dead_letters') as { total: number };
      const rows = reader.all(
        `SELECT ${COLUMNS} FROM dead_letters ORDER BY id DESC LIMIT @limit OFFSET @offset`,
        { limit, offset },
      );
      return { total, limit, offset, data: (rows as Row[]).map(toAnswer), has_more: offset + limit < total };
    });
    res.json(answer);
  };
}

export function getDeadLetter(store: Store): RequestHandler<{ id: string }> {
  return (req, res) => {
    const id = Number(req.params.id);
    const row = Number.isSafeInteger(id)
      ? store.read((reader) => reader.get(`SELECT ${COLUMNS} FROM dead_letters WHERE id = @id`, { id }))
      : undefined;
    if (row === undefined) throw new ProblemError('not-found', 'There is no dead letter of this number.');
    res.json(toAnswer(row as Row));
  };
}
