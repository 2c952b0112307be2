/** The bodies that OpenAPI names, made from the schemas that validate them where there are such. */
import { SIGNATURE_HEADER } from '@lyftr/sources/schemes/lyftr';
import { messageSchema } from '@lyftr/shared/message';
import { DEAD_LETTER_KINDS, REFUSALS } from '@lyftr/shared/outcomes';
import { deadLetterProperties, deadLettersParameters } from './dead-letters.js';
import { messagesParameters } from './messages.js';
import { SESSION_COOKIE } from '../access/session.js';
import { timelineParameters } from './stats.js';

export type Json = Record<string, unknown>;

/** Refers to one of `schemas`. */
export const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

export const object = (properties: Record<string, Json>, optional: string[] = []): Json => ({
  type: 'object',
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  properties,
});
export const count = { type: 'integer', minimum: 0 };
const time = { type: ['string', 'null'], format: 'date-time' };

const orNull = (schema: Json): Json => ({ anyOf: [schema, { type: 'null' }] });
const countOrNull = { type: ['integer', 'null'], minimum: 0 };
const ranges = { type: 'array', items: { type: 'array', items: count, minItems: 2, maxItems: 2 } };
const lettersByKind = {
  ...object(Object.fromEntries(DEAD_LETTER_KINDS.map((kind) => [kind, count]))),
  description: 'Dead letters that nobody has replayed or discarded yet.',
};
const millis = { type: 'integer', description: 'Epoch milliseconds.' };

const sampleSchema: Json = {
  ...object({
    at: millis,
    redis: { type: 'boolean' },
    database: { type: 'string', description: 'ok, or what is wrong with it.' },
    ledger: orNull(
      object({
        created: count,
        duplicate: count,
        dead_letter: count,
        conflicting_duplicate: count,
        written_off: count,
        accepted: countOrNull,
        unconfirmed: countOrNull,
        waiting: countOrNull,
        difference: { type: ['integer', 'null'] },
        missing: { ...countOrNull, description: 'Messages that were acknowledged and are gone.' },
      }),
    ),
    dead_letters: orNull(lettersByKind),
    index_lag_messages: countOrNull,
    queue: orNull(
      object({
        jobs: { type: 'object', additionalProperties: count },
        oldest_age_seconds: { type: 'number' },
      }),
    ),
    refused: orNull(object(Object.fromEntries(REFUSALS.map((status) => [status, count])))),
    store_lag: orNull(object({ seconds: { type: 'number' }, batches: count })),
    processes: orNull({
      type: 'array',
      items: object({
        service: { type: 'string' },
        instance: { type: 'string' },
        pid: { type: 'integer' },
        state: {
          enum: ['up', 'stopped', 'silent'],
          description: 'stopped: it ended in order; silent: it has not been heard of.',
        },
        leads: { type: 'boolean', description: 'Whether this is the writer that may work.' },
        url: { type: ['string', 'null'], description: 'Where other processes reach it.' },
        started_at: millis,
        seen_at: millis,
        memory_bytes: { type: ['number', 'null'] },
      }),
    }),
    state: object({
      level: { enum: ['good', 'busy', 'bad'] },
      title: { type: 'string' },
      detail: { type: 'string', description: 'A sentence or two.' },
    }),
    faults: {
      type: 'array',
      items: { type: 'string' },
      description: 'What is wrong, a sentence each; empty when all is well.',
    },
  }),
  description: 'Counters are totals; what comes from a store that does not answer is null.',
};

/** Shown instead of the noise that a tool makes of lengths and patterns. */
const example = {
  message_id: 'm-1',
  from: '+919876543210',
  to: '+14155550100',
  ts: 1_710_000_000,
  text: 'Hello',
};

/** `x-request-id`, in requests and in every answer. */
export const requestId = {
  description: 'Names this request in logs: what the sender gave, or a new one.',
  schema: { type: 'string', pattern: '^[A-Za-z0-9._:-]{1,128}$' },
};

export const schemas: Record<string, Json> = {
  Message: { ...messageSchema, examples: [example] },
  StoredMessage: {
    ...object(
      {
        ...messageSchema.properties,
        extra: {
          type: 'object',
          description: 'Other members of the message, as they were sent, when there were any.',
        },
      },
      ['extra'],
    ),
    examples: [example],
  },
  MessagePage: object(
    {
      total: { ...count, description: 'Exact number of matches, on all pages together.' },
      limit: messagesParameters.properties.limit,
      offset: messagesParameters.properties.offset,
      data: { type: 'array', items: ref('StoredMessage') },
      has_more: { type: 'boolean' },
      next_cursor: {
        type: ['string', 'null'],
        description: 'Only in answers to a request with a cursor; null on the last page.',
      },
    },
    ['next_cursor'],
  ),
  Stats: object({
    total_messages: count,
    senders_count: count,
    messages_per_sender: { type: 'array', items: object({ from: { type: 'string' }, count }) },
    first_message_ts: time,
    last_message_ts: time,
  }),
  Timeline: object({
    bucket: timelineParameters.properties.bucket,
    data: { type: 'array', items: object({ start: { type: 'string', format: 'date-time' }, count }) },
  }),
  DeadLetter: object(deadLetterProperties),
  DeadLetterPage: object({
    total: count,
    limit: deadLettersParameters.properties.limit,
    offset: deadLettersParameters.properties.offset,
    data: { type: 'array', items: ref('DeadLetter') },
    has_more: { type: 'boolean' },
  }),
  Replay: object(
    {
      id: { type: 'integer' },
      replayed: { ...count, description: 'Messages that the intake acknowledged.' },
      discarded: { type: 'boolean' },
      detail: { type: 'string', description: 'Why the letter is still there, when it is.' },
    },
    ['detail'],
  ),
  WrittenOff: object({
    messages: { ...count, description: 'Messages that were missing by number.' },
    producers: { type: 'array', items: object({ producer: { type: 'string' }, ranges }) },
    unnamed: { ...count, description: 'Missing messages of processes that ended long ago.' },
    unconfirmed: { ...count, description: 'Stored messages that are counted as unconfirmed from now on.' },
  }),
  Sample: sampleSchema,
  Ledger: {
    ...object({
      accepted: { ...count, description: 'Messages that ingest acknowledged.' },
      unconfirmed: {
        ...count,
        description:
          'Messages that were stored or wait although no ingest process has confirmed that it acknowledged them: their sender was told 503, or their process was killed. Rises for up to a second during a burst.',
      },
      created: count,
      duplicate: count,
      dead_letter: count,
      written_off: {
        ...count,
        description: 'Messages that were acknowledged, are gone, and were given up by an operator.',
      },
      waiting: { ...count, description: 'Messages in the queue.' },
      difference: {
        type: 'integer',
        description:
          '0. Above 0: so many acknowledged messages are missing. Below 0: so many are stored of which Redis knows nothing, as after it was restored from an old copy.',
      },
      conflicting_duplicate: {
        ...count,
        description: 'Duplicates with another content than what is stored.',
      },
      dead_letters: lettersByKind,
      missing: {
        type: ['object', 'null'],
        description:
          'Messages that were acknowledged and are gone; null while the queue is too long to tell.',
        required: ['messages', 'producers'],
        properties: {
          messages: count,
          producers: {
            type: 'array',
            description: 'By the process that acknowledged them: the numbers of its messages.',
            items: object({ producer: { type: 'string' }, ranges }),
          },
        },
      },
    }),
    description:
      'accepted + unconfirmed = created + duplicate + dead_letter + written_off + waiting. Each side is counted by itself.',
  },
  Problem: object(
    {
      type: { type: 'string', description: 'urn:lyftr:problem:<code>' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string', description: 'What to do about it.' },
      errors: { type: 'array', items: object({ path: { type: 'string' }, message: { type: 'string' } }) },
    },
    ['errors'],
  ),
  Readiness: object({
    status: { enum: ['ready', 'not ready'] },
    dependencies: {
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'ok, or what is wrong, by dependency.',
    },
  }),
};

/** Who may send, and who may read. */
export const securitySchemes = {
  signature: {
    type: 'apiKey',
    in: 'header',
    name: SIGNATURE_HEADER,
    description: 'HMAC-SHA256 of the raw body under WEBHOOK_SECRET, in hex.',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: SESSION_COOKIE,
    description: 'What a browser gets at /sign-in for the token.',
  },
  bearer: { type: 'http', scheme: 'bearer', description: 'API_TOKEN, when the service has one.' },
};
