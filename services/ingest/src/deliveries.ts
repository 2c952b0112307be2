/**
 * `POST /deliveries`: deliveries of sources that were verified before, for a replay or from an export file. Their
 * provider's key is not asked for: who may send them has the secret of the built-in source. It need not be a source that
 * there is now.
 */
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { SourceDelivery } from '@lyftr/shared/batch';
import { fieldErrors, ProblemError, type FieldError } from '@lyftr/shared/errors';
import { isSourceName, KEY_ID_PATTERN, type SentDelivery } from '@lyftr/shared/sources';
import { readTimeMs } from '@lyftr/sources/read';
import { SCHEME_NAMES, type Source } from '@lyftr/sources/source';
import { bodyText } from './body-text.js';
import { createIntake, type Intake, type IntakeOptions } from './intake.js';
import { readerFor, type Readers } from './media-type.js';
import type { RouteMetrics } from './observe.js';
import { invalid, parseBody } from './validate.js';

export const DELIVERIES = '/deliveries';

/** The text of a body may take twice its bytes as JSON. */
export const sentBytesMax = (bodyBytesMax: number): number => 2 * bodyBytesMax + 64 * 1024;

/** As many headers as a request can have come with. */
const HEADERS_MAX = 64;

const HEADER_NAME = /^[a-z0-9-]{1,64}$/;

const isBase64 = (text: string): boolean => Buffer.from(text, 'base64').toString('base64') === text;

const isSent = new Ajv2020({
  allErrors: true,
  strict: true,
  formats: {
    'source-name': isSourceName,
    'key-id': new RegExp(KEY_ID_PATTERN),
    'header-name': HEADER_NAME,
    'iso-time': (text) => readTimeMs(text, 'iso') !== undefined,
    base64: isBase64,
    // JSON can escape half of a surrogate pair, which UTF-8 cannot hold
    'well-formed': (text) => text.isWellFormed(),
  },
}).compile<SentDelivery>({
  type: 'object',
  additionalProperties: false,
  required: ['source', 'scheme', 'key', 'id', 'verified_at', 'content_type', 'headers'],
  properties: {
    source: { type: 'string', format: 'source-name' },
    scheme: { enum: SCHEME_NAMES },
    key: { type: 'string', format: 'key-id' },
    id: { type: 'string', minLength: 1, format: 'well-formed' },
    verified_at: { type: 'string', format: 'iso-time' },
    signed_at: { type: 'string', format: 'iso-time' },
    content_type: { type: 'string', format: 'well-formed' },
    headers: {
      type: 'object',
      maxProperties: HEADERS_MAX,
      propertyNames: { type: 'string', format: 'header-name' },
      additionalProperties: { type: 'string', format: 'well-formed' },
    },
    body: { type: 'string', format: 'well-formed' },
    body_base64: { type: 'string', format: 'base64' },
    imported: { type: 'boolean' },
  },
});

const FORMS: Record<string, string> = {
  'source-name': 'must be the name of a source: 1 to 32 of a-z, 0-9 and -, with no - at an end',
  'key-id': 'must be the id of a key: 1 to 32 of A-Z, a-z, 0-9, ., _ and -',
  'header-name': 'must have names of headers in lower case',
  'iso-time': 'must be a time in ISO 8601, such as 2026-01-31T12:00:00.000Z',
  base64: 'must be base64',
  'well-formed': 'must not contain a lone surrogate',
};

function faultsOf(path: string): FieldError[] {
  const errors = (isSent.errors ?? []).map((error) => {
    const form = FORMS[(error.params as { format?: string }).format ?? ''];
    return form === undefined ? error : { ...error, message: form };
  });
  return fieldErrors(errors, path);
}

const timeMs = (text: string): number => readTimeMs(text, 'iso') as number;

function toItem(value: unknown, path: string): SourceDelivery {
  if (!isSent(value)) throw invalid(faultsOf(path));
  const { body, body_base64: base64 } = value;
  if ((body === undefined) === (base64 === undefined))
    throw invalid([{ path: `${path}/body`, message: 'must be there, or body_base64, and not both' }]);
  const { source, scheme, key, id, verified_at, signed_at, content_type, headers, imported } = value;
  return {
    source,
    scheme,
    key,
    id,
    verifiedAt: timeMs(verified_at),
    ...(signed_at === undefined ? {} : { signedAt: timeMs(signed_at) }),
    contentType: content_type,
    headers,
    ...(body === undefined ? bodyText(Buffer.from(base64 as string, 'base64')) : { body }),
    ...(imported === true ? { imported } : {}),
  };
}

/** One delivery or an array of them: all or nothing. */
function readDeliveries(body: Buffer): SourceDelivery[] {
  const value = parseBody(body);
  return Array.isArray(value) ? value.map((each, index) => toItem(each, `/${index}`)) : [toItem(value, '')];
}

const READERS: Readers<SourceDelivery[]> = new Map([['application/json', readDeliveries]]);

export interface DeliveriesOptions extends IntakeOptions {
  bytesMax: number;
  metrics: RouteMetrics;
}

/** Its answers are JSON. `source` is the built-in one. */
export function createDeliveriesIntake(
  { bytesMax, metrics, ...options }: DeliveriesOptions,
  source: Source,
): Intake<string> {
  return createIntake(options, {
    headers: source.headers,
    bytesMax,
    metrics,
    read(delivery) {
      if ('reason' in source.verify(delivery)) throw new ProblemError('bad-signature');
      const items = readerFor(READERS, delivery.contentType)(delivery.body);
      return { items, answer: `{"status":"ok","accepted":${items.length}}` };
    },
  });
}
