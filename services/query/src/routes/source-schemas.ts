/** The body schemas of the OpenAPI description that are about sources. */
import { NEAR_MISSES, REJECT_REASONS } from '@lyftr/shared/sources';
import { PRESETS, SCHEME_NAMES } from '@lyftr/sources/source';
import { count, object, time, type Json } from './schema-parts.js';
import { rejectsParameters } from './sources.js';

const headers = {
  type: 'object',
  additionalProperties: { type: 'string' },
  description: 'The headers that are kept, by name in lower case.',
};
const body = { type: 'string', description: 'The exact body, when it is UTF-8.' };
const bodyBase64 = {
  type: 'string',
  contentEncoding: 'base64',
  description: 'The body, when it is not UTF-8.',
};
const isImported = {
  type: 'boolean',
  description: 'True when it comes from an export file, and no key of its source verified it here.',
};
const instant = { type: 'string', format: 'date-time' };

const sourceSchema = object({
  name: { type: 'string' },
  scheme: { enum: [...SCHEME_NAMES] },
  mapping: {
    anyOf: [{ enum: [...PRESETS] }, object({ jsonata: { type: 'string' } }), { type: 'null' }],
    description: 'Null when a body is a message or an array of messages.',
  },
  id_signed: { type: 'boolean', description: 'Whether the id of a delivery is signed.' },
  accepted: { ...count, description: 'Deliveries.' },
  rejected: count,
  last_accepted_at: time,
  keys: {
    type: 'array',
    items: object({
      id: { type: 'string' },
      retired: { type: 'boolean' },
      used: { ...count, description: 'Deliveries that it verified.' },
      last_used_at: time,
      safe_to_retire: {
        type: 'boolean',
        description: 'Another key was used since, and this one was not for retire_after_hours.',
      },
    }),
  },
});

export const sourceSchemas: Record<string, Json> = {
  SentDelivery: object(
    {
      source: { type: 'string' },
      scheme: { enum: [...SCHEME_NAMES] },
      key: { type: 'string', description: 'Id of the key that verified it.' },
      id: { type: 'string', description: 'Id of the delivery.' },
      verified_at: instant,
      signed_at: instant,
      content_type: { type: 'string' },
      headers,
      body,
      body_base64: bodyBase64,
      imported: isImported,
    },
    ['signed_at', 'body', 'body_base64', 'imported'],
  ),
  Delivery: object(
    {
      source: { type: 'string' },
      scheme: { enum: [...SCHEME_NAMES] },
      key: { type: 'string', description: 'Id of the key that verified it.' },
      verified_at: instant,
      content_type: { type: 'string' },
      headers,
      bytes: count,
      sha256: { type: 'string', description: 'Of the body, in hex.' },
      body,
      body_base64: bodyBase64,
      imported: isImported,
    },
    ['body', 'body_base64', 'imported'],
  ),
  Sources: object({
    data: { type: 'array', items: sourceSchema },
    loaded_at: { ...instant, description: 'When the sources file was read without a fault.' },
    faults: {
      type: 'array',
      items: { type: 'string' },
      description: 'The faults of the file when it was read last. The sources are then the old ones.',
    },
  }),
  RejectPage: object({
    total: count,
    limit: rejectsParameters.properties.limit,
    offset: rejectsParameters.properties.offset,
    data: {
      type: 'array',
      items: object(
        {
          at: instant,
          source: { type: 'string' },
          reason: { enum: [...REJECT_REASONS] },
          near: { enum: [...NEAR_MISSES, null], description: 'What the delivery came close to.' },
          seconds: { type: 'number', description: 'With clock: how far the signed time is in the past.' },
          key: { type: 'string', description: 'With retired-key: its id.' },
          bytes: count,
          sha256: { type: 'string', description: 'Of the body, in hex.' },
          request_id: { type: 'string' },
        },
        ['seconds', 'key'],
      ),
    },
    has_more: { type: 'boolean' },
  }),
};
