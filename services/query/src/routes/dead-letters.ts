/** `GET /dead-letters`: what could not be stored for its own sake, newest first. */
import type { RequestHandler } from 'express';
import { ProblemError } from '@lyftr/shared/errors';
import { DEAD_LETTER_KINDS } from '@lyftr/shared/outcomes';
import type { DeadLetter, ReadStore } from '@lyftr/store/store';
import { parameterReader, type ParameterSchema } from './parameters.js';

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

const toAnswer = ({ received_at, ...letter }: DeadLetter) => ({
  ...letter,
  received_at: new Date(received_at).toISOString(),
});

export function listDeadLetters(store: ReadStore): RequestHandler {
  const read = parameterReader<{ limit: number; offset: number }>(deadLettersParameters);
  return async (req, res) => {
    const { limit, offset } = read(req.url);
    const { total, letters } = await store.deadLetters(limit, offset);
    res.json({ total, limit, offset, data: letters.map(toAnswer), has_more: offset + limit < total });
  };
}

/** Rejects with ProblemError `not-found`. */
export async function readDeadLetter(store: ReadStore, id: number): Promise<DeadLetter> {
  const letter = Number.isSafeInteger(id) ? await store.deadLetter(id) : undefined;
  if (letter === undefined) throw new ProblemError('not-found', 'There is no dead letter of this number.');
  return letter;
}

export function getDeadLetter(store: ReadStore): RequestHandler<{ id: string }> {
  return async (req, res) => {
    res.json(toAnswer(await readDeadLetter(store, Number(req.params.id))));
  };
}
