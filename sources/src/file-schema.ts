/** The shape of the sources file. What one member demands of another is checked in file-rules.ts. */
import { KEY_ID_PATTERN, RESERVED_SOURCE_NAME, SOURCE_NAME_PATTERN } from '@lyftr/shared/sources';
import { PRESETS, SCHEME_NAMES } from './source.js';

const object = (required: readonly string[], properties: object): object => ({
  type: 'object',
  additionalProperties: false,
  required,
  properties,
});

const integer = (minimum: number, maximum: number): object => ({ type: 'integer', minimum, maximum });

/** The fast path of ingest reads names of this form. */
const header = { type: 'string', pattern: '^[A-Za-z0-9-]{1,64}$' };
const variable = { type: 'string', pattern: '^[A-Z_][A-Z0-9_]*$' };
const file = { type: 'string', minLength: 1 };

const KIB = 1024;
const MIB = 1024 * KIB;

/** From a variable or from a file; that it is exactly one of them is a rule. */
const secret = (required: readonly string[], properties: object): object =>
  object(required, { ...properties, env: variable, file });

const key = secret(['id'], {
  id: { type: 'string', pattern: KEY_ID_PATTERN },
  retired: { type: 'boolean' },
});

const signature = object(['header', 'algorithm', 'encoding', 'key'], {
  header,
  prefix: { type: 'string', maxLength: 64, pattern: '^[ -~]*$' },
  algorithm: { enum: ['sha256', 'sha512', 'sha1'] },
  encoding: { enum: ['hex', 'base64'] },
  key: { enum: ['utf8', 'base64', 'hex'] },
  signed: { type: 'string', maxLength: 256, pattern: '^[\\t\\n\\r -~]*$' },
  timestamp: object(['header', 'unit'], { header, unit: { enum: ['s', 'ms', 'iso'] } }),
});

export const sourceSchema = object(['name', 'scheme', 'keys'], {
  name: { type: 'string', pattern: SOURCE_NAME_PATTERN, not: { const: RESERVED_SOURCE_NAME } },
  scheme: { enum: SCHEME_NAMES },
  keys: { type: 'array', minItems: 1, maxItems: 8, items: key },
  url: { type: 'string', pattern: '^https?://[!-~]+$' },
  mapping: {
    oneOf: [{ enum: PRESETS }, object(['jsonata'], { jsonata: { type: 'string', minLength: 1 } })],
  },
  tolerance_seconds: integer(1, 3_600),
  max_body_bytes: integer(KIB, 64 * MIB),
  rate_limit: object(['per_second', 'burst'], {
    per_second: { type: 'number', exclusiveMinimum: 0, maximum: 1_000_000 },
    burst: integer(1, 1_000_000),
  }),
  verify_token: secret([], {}),
  dedup: {
    oneOf: [
      object(['header'], { header }),
      object(['body'], { body: { type: 'string', pattern: '^(?:/(?:[^~/]|~[01])*)+$' } }),
    ],
  },
  signature,
  token: object(['header'], { header }),
  headers: { type: 'array', maxItems: 8, items: header },
});

export const fileSchema = object(['sources'], {
  retire_after_hours: integer(1, 8_760),
  sources: { type: 'array', maxItems: 1_000 },
});
