/** `GET /dead-letters`: messages that could not be stored because of their content, newest first. */
import type { RequestHandler } from 'express';
import { ProblemError } from '@lyftr/shared/errors';
import { DEAD_LETTER_KINDS } from '@lyftr/shared/outcomes';
import type { DeadLetter, ReadStore } from '@lyftr/store/store';
import { parameterReader, type ParameterSchema } from './parameters.js';

export const deadLettersParameters = {
  type: 'object',
  properties: {
    limit: {
      type: 'integer',
      minimum: 1,
      maximum: 100,
      default: 50,
      description: 'Maximum number of dead letters to return.',
    },
    offset: {
      type: 'integer',
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      default: 0,
      description: 'Number of dead letters to skip.',
    },
  },
  additionalProperties: false,
} as const satisfies ParameterSchema;

/** JSON Schema of a dead letter, for OpenAPI. */
export const deadLetterProperties = {
  id: { type: 'integer' },
  kind: { enum: [...DEAD_LETTER_KINDS] },
  reason: { type: 'string' },
  message_id: { type: ['string', 'null'] },
  received_at: { type: 'string', format: 'date-time' },
  raw: { type: 'string', description: 'The JSON from the queue, unchanged.' },
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
  if (letter === undefined) throw new ProblemError('not-found', 'No dead letter has this number.');
  return letter;
}

export function getDeadLetter(store: ReadStore): RequestHandler<{ id: string }> {
  return async (req, res) => {
    res.json(toAnswer(await readDeadLetter(store, Number(req.params.id))));
  };
}
