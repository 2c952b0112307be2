/** `GET /dead-letters`: messages that could not be stored because of their content, newest first. */
import type { RequestHandler } from 'express';
import { ProblemError } from '@lyftr/shared/errors';
import { DEAD_LETTER_KINDS, type DeadLetterKind } from '@lyftr/shared/outcomes';
import { LISTED_RAW_CHARS_MAX, type DeadLetter, type ReadStore } from '@lyftr/store/store';
import { letterDelivery } from './delivery.js';
import { parameterReader, type ParameterSchema } from './parameters.js';

export const deadLettersParameters = {
  type: 'object',
  properties: {
    kind: { type: 'string', enum: [...DEAD_LETTER_KINDS], description: 'Kind of the dead letters.' },
    source: { type: 'string', maxLength: 32, description: 'Exact name of the source.' },
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

interface DeadLettersQuery {
  kind?: DeadLetterKind;
  source?: string;
  limit: number;
  offset: number;
}

/** JSON Schema of a dead letter, for OpenAPI. */
export const deadLetterProperties = {
  id: { type: 'integer' },
  kind: { enum: [...DEAD_LETTER_KINDS] },
  reason: { type: 'string' },
  message_id: { type: ['string', 'null'] },
  received_at: { type: 'string', format: 'date-time' },
  raw: {
    type: 'string',
    description:
      'The JSON from the queue, unchanged. Of an unmapped delivery, the body as it came, in base64 when delivery.encoding says so.',
  },
  raw_cut: {
    type: 'boolean',
    description: `True in a list when raw is longer than ${LISTED_RAW_CHARS_MAX} characters and cut. The dead letter by its number has all of it.`,
  },
  source: { type: ['string', 'null'], description: 'The source. Null when it came by none.' },
  delivery: {
    type: ['object', 'null'],
    description:
      'Of an unmapped delivery, all but its body. pointers are the JSON pointers to the parts that had no rule.',
  },
};

export function letterAnswer({ received_at, delivery, isRawCut, ...letter }: DeadLetter) {
  const { source } = letter;
  return {
    ...letter,
    ...(isRawCut ? { raw_cut: true } : {}),
    received_at: new Date(received_at).toISOString(),
    delivery: delivery === null || source === null ? null : letterDelivery(source, delivery),
  };
}

export function listDeadLetters(store: ReadStore): RequestHandler {
  const read = parameterReader<DeadLettersQuery>(deadLettersParameters);
  return async (req, res) => {
    const { kind, source, limit, offset } = read(req.url);
    const { total, letters } = await store.deadLetters({ kind, source }, limit, offset);
    res.json({ total, limit, offset, data: letters.map(letterAnswer), has_more: offset + limit < total });
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
    res.json(letterAnswer(await readDeadLetter(store, Number(req.params.id))));
  };
}
