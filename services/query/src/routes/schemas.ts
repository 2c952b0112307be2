/** The body schemas of the OpenAPI description, taken from the schemas that validate where those exist. */
import { SIGNATURE_HEADER } from '@lyftr/sources/schemes/lyftr';
import { messageSchema } from '@lyftr/shared/message';
import { DEAD_LETTER_KINDS, REFUSALS } from '@lyftr/shared/outcomes';
import { deadLetterProperties, deadLettersParameters } from './dead-letters.js';
import { addresses, messagesParameters } from './messages.js';
import { SESSION_COOKIE } from '../access/session.js';
import { count, object, ref, time, type Json } from './schema-parts.js';
import { sourceSchemas } from './source-schemas.js';
import { timelineParameters } from './stats.js';

const orNull = (schema: Json): Json => ({ anyOf: [schema, { type: 'null' }] });
const countOrNull = { type: ['integer', 'null'], minimum: 0 };
const ranges = { type: 'array', items: { type: 'array', items: count, minItems: 2, maxItems: 2 } };
const lettersByKind = {
  ...object(Object.fromEntries(DEAD_LETTER_KINDS.map((kind) => [kind, count]))),
  description: 'Dead letters that have not been replayed or discarded.',
};
const millis = { type: 'integer', description: 'Epoch milliseconds.' };

const sampleSchema: Json = {
  ...object({
    at: millis,
    redis: { type: 'boolean' },
    database: { type: 'string', description: 'ok, or the fault.' },
    ledger: orNull(
      object({
        created: count,
        duplicate: count,
        dead_letter: count,
        conflicting_duplicate: count,
        fanout: count,
        written_off: count,
        accepted: countOrNull,
        unconfirmed: countOrNull,
        waiting: countOrNull,
        difference: { type: ['integer', 'null'] },
        missing: {
          ...countOrNull,
          description: 'Acknowledged messages that are neither stored nor in the queue.',
        },
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
          description:
            'up: the process publishes its figures. stopped: it shut down cleanly. silent: it no longer publishes.',
        },
        leads: { type: 'boolean', description: 'Whether this is the leading writer.' },
        url: { type: ['string', 'null'], description: 'URL at which other processes reach this one.' },
        started_at: millis,
        seen_at: millis,
        memory_bytes: { type: ['number', 'null'] },
      }),
    }),
    state: object({
      level: { enum: ['good', 'busy', 'bad'] },
      title: { type: 'string' },
      detail: { type: 'string', description: 'One or two sentences.' },
    }),
    faults: {
      type: 'array',
      items: { type: 'string' },
      description: 'The faults, one sentence each. Empty when nothing is wrong.',
    },
  }),
  description: 'Counters are totals. Values from Redis or the database are null while it is not responding.',
};

/** An example. Without it, tools generate unreadable values from lengths and patterns. */
const example = {
  message_id: 'm-1',
  from: '+919876543210',
  to: '+14155550100',
  ts: 1_710_000_000,
  text: 'Hello',
};

/** `x-request-id`, in requests and in every response. */
export const requestId = {
  description: 'The id of this request in the logs: the one that the client sent, or a new one.',
  schema: { type: 'string', pattern: '^[A-Za-z0-9._:-]{1,128}$' },
};

export const schemas: Record<string, Json> = {
  ...sourceSchemas,
  Message: { ...messageSchema, examples: [example] },
  StoredMessage: {
    ...object(
      {
        ...messageSchema.properties,
        ...addresses,
        extra: {
          type: 'object',
          description: 'The other members of the message, as they were sent. Absent when there are none.',
        },
        source: {
          type: 'string',
          description: 'The source. Absent when the message was posted to /webhook.',
        },
        delivery: {
          ...ref('Delivery'),
          description: 'The delivery of the source. Only in the answer for one message.',
        },
      },
      ['extra', 'source', 'delivery'],
    ),
    examples: [example],
  },
  MessagePage: object(
    {
      total: { ...count, description: 'Exact number of matches on all pages.' },
      limit: messagesParameters.properties.limit,
      offset: messagesParameters.properties.offset,
      data: { type: 'array', items: ref('StoredMessage') },
      has_more: { type: 'boolean' },
      next_cursor: {
        type: ['string', 'null'],
        description: 'Present when the request has a cursor. Null on the last page.',
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
  DeadLetter: object(deadLetterProperties, ['raw_cut']),
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
      detail: {
        type: 'string',
        description: 'Why the dead letter could not be discarded. Absent when it was discarded.',
      },
    },
    ['detail'],
  ),
  WrittenOff: object({
    messages: { ...count, description: 'Missing messages that the ledger listed.' },
    producers: { type: 'array', items: object({ producer: { type: 'string' }, ranges }) },
    unnamed: { ...count, description: 'Missing messages of producers that are no longer listed.' },
    unconfirmed: { ...count, description: 'Stored messages that now count as unconfirmed.' },
  }),
  Sample: sampleSchema,
  Ledger: {
    ...object({
      accepted: { ...count, description: 'Messages and deliveries that ingest acknowledged.' },
      accepted_by_source: {
        type: 'object',
        additionalProperties: count,
        description: 'How many of them are deliveries of each source.',
      },
      fanout: {
        ...count,
        description:
          'Outcomes of deliveries beyond the first of each: a delivery with three messages counts 2.',
      },
      unconfirmed: {
        ...count,
        description:
          'Messages that are stored or waiting although no ingest process confirmed that it acknowledged them. Their sender was told 503, or the process was killed. Rises for up to a second during a burst.',
      },
      created: count,
      duplicate: count,
      dead_letter: count,
      written_off: {
        ...count,
        description: 'Acknowledged messages that were missing and that an operator wrote off.',
      },
      waiting: { ...count, description: 'Messages in the queue.' },
      difference: {
        type: 'integer',
        description:
          '0 when nothing is wrong. A positive number is the number of acknowledged messages that are missing. A negative number is the number of stored messages that are unknown to Redis, for example after Redis was restored from an old copy.',
      },
      conflicting_duplicate: {
        ...count,
        description: 'Duplicates whose content differs from the stored message.',
      },
      dead_letters: lettersByKind,
      missing: {
        type: ['object', 'null'],
        description:
          'Acknowledged messages that are neither stored nor in the queue. Null while the queue is too long to tell.',
        required: ['messages', 'producers'],
        properties: {
          messages: count,
          producers: {
            type: 'array',
            description:
              'The numbers of the messages, by producer (the ingest process that acknowledged them).',
            items: object({ producer: { type: 'string' }, ranges }),
          },
        },
      },
    }),
    description:
      'accepted + unconfirmed + fanout = created + duplicate + dead_letter + written_off + waiting. The two sides are counted independently.',
  },
  Problem: object(
    {
      type: { type: 'string', description: 'urn:lyftr:problem:<code>' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string', description: 'What to do about the error.' },
      errors: { type: 'array', items: object({ path: { type: 'string' }, message: { type: 'string' } }) },
    },
    ['errors'],
  ),
  Readiness: object({
    status: { enum: ['ready', 'not ready'] },
    dependencies: {
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'ok, or the fault, by dependency.',
    },
  }),
};

/** Authorization of senders and readers. */
export const securitySchemes = {
  signature: {
    type: 'apiKey',
    in: 'header',
    name: SIGNATURE_HEADER,
    description: 'HMAC-SHA256 of the raw body with WEBHOOK_SECRET as the key, in hex.',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: SESSION_COOKIE,
    description: 'The session cookie that /sign-in sets in exchange for the token.',
  },
  bearer: { type: 'http', scheme: 'bearer', description: 'The API_TOKEN, if the service has one.' },
};
