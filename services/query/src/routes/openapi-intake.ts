/** The operations of the OpenAPI description with which senders deliver, and those that show their sources. */
import { delivery, handshake, intake, json, ok, problems, queryParameters, read } from './openapi-parts.js';
import { SOURCE_NAME_PATTERN } from '@lyftr/shared/sources';
import { count, object, ref, type Json } from './schema-parts.js';
import { rejectsParameters } from './sources.js';

const status = { const: 'ok' };
const sourceName = {
  name: 'source',
  in: 'path',
  required: true,
  description: 'Name of the source in the sources file.',
  schema: { type: 'string', pattern: SOURCE_NAME_PATTERN },
};
export function intakePaths(): Json {
  const text = (schema: Json = { type: 'string' }) => ({ schema });
  return {
    '/webhook': {
      post: intake('postMessage', 'Accept one message', json(ref('Message')), object({ status })),
    },
    '/webhook/batch': {
      post: intake(
        'postMessages',
        'Accept many messages under one signature: all of them, or none',
        {
          ...json({ type: 'array', items: ref('Message') }),
          'application/x-ndjson': { schema: { type: 'string', description: 'One message per line.' } },
        },
        object({ status, accepted: count }),
      ),
    },
    '/webhook/{source}': {
      post: delivery(
        sourceName,
        ok(
          'Redis has stored the delivery, or it was a handshake. The body is the one that the provider expects',
          {
            'application/json': text({}),
            'text/xml': text(),
          },
        ),
      ),
      get: handshake(sourceName),
    },
    '/deliveries': {
      post: intake(
        'postDeliveries',
        'Accept deliveries of sources that were verified before: for a replay, or from an export file',
        json({ anyOf: [ref('SentDelivery'), { type: 'array', items: ref('SentDelivery') }] }),
        object({ status, accepted: count }),
      ),
    },
    '/sources': {
      get: read(
        'listSources',
        'Operation',
        'List the sources and the use of their keys',
        [],
        ok('The sources', json(ref('Sources'))),
      ),
    },
    '/rejects': {
      get: read(
        'listRejects',
        'Operation',
        'List the last deliveries of sources whose signature was not accepted',
        queryParameters(rejectsParameters),
        {
          ...ok('Rejected deliveries, newest first', json(ref('RejectPage'))),
          ...problems('bad-request', 'invalid-query'),
        },
      ),
    },
  };
}
