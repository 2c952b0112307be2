/**
 * The OpenAPI 3.1 description of the whole system, generated from the schemas that validate. Ingest and query share
 * one origin.
 */
import { messageSchema } from '@lyftr/shared/message';
import { deadLettersParameters } from './dead-letters.js';
import { exportParameters } from './export.js';
import { messagesParameters } from './messages.js';
import { intakePaths } from './openapi-intake.js';
import { act, health, json, ok, problems, queryParameters, read } from './openapi-parts.js';
import { object, ref, type Json } from './schema-parts.js';
import { requestId, schemas, securitySchemes } from './schemas.js';
import { statsParameters, timelineParameters } from './stats.js';

const status = { const: 'ok' };
const messageId = {
  name: 'message_id',
  in: 'path',
  required: true,
  description: 'Percent-encoded.',
  schema: messageSchema.properties.message_id,
};

const deadLetterId = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'Number of the dead letter.',
  schema: { type: 'integer' },
};

const difference = {
  name: 'difference',
  in: 'query',
  required: true,
  description: 'The difference that you saw in GET /ledger. The writer refuses any other number.',
  schema: { type: 'integer' },
};

function paths(): Json {
  const text = (schema: Json = { type: 'string' }) => ({ schema });
  const metricsPage = ok('Metrics', { 'text/plain': text(), 'application/openmetrics-text': text() });
  return {
    ...intakePaths(),
    '/messages': {
      get: read('listMessages', 'Messages', 'Search messages', queryParameters(messagesParameters), {
        ...ok('One page of matches', json(ref('MessagePage'))),
        ...problems('bad-request', 'invalid-query', 'search-timeout'),
      }),
    },
    '/export': {
      get: read(
        'exportMessages',
        'Messages',
        'Export all matches as a file',
        queryParameters(exportParameters),
        {
          ...ok(
            'The matches as NDJSON, each as it was delivered, or as CSV. The file is complete if the response ends without an error',
            {
              'application/x-ndjson': text(),
              'text/csv': text(),
            },
          ),
          ...problems('bad-request', 'invalid-query', 'search-timeout'),
        },
      ),
    },
    '/messages/{message_id}': {
      get: read('getMessage', 'Messages', 'Get one message', [messageId], {
        ...ok('The message', json(ref('StoredMessage'))),
        ...problems('bad-request', 'not-found'),
      }),
    },
    '/stats': {
      get: read('getStats', 'Messages', 'Count messages by sender', queryParameters(statsParameters), {
        ...ok('Counts of all messages, or of those in a period', json(ref('Stats'))),
        ...problems('bad-request', 'invalid-query', 'search-timeout'),
      }),
    },
    '/stats/timeline': {
      get: read(
        'getTimeline',
        'Messages',
        'Count messages per minute, hour or day',
        queryParameters(timelineParameters),
        {
          ...ok('Buckets in order of time. Empty buckets are left out', json(ref('Timeline'))),
          ...problems('bad-request', 'invalid-query', 'search-timeout'),
        },
      ),
    },
    '/ledger': {
      get: read(
        'getLedger',
        'Operation',
        'Account for every acknowledged message',
        [],
        ok('The ledger', json(ref('Ledger'))),
      ),
    },
    '/ledger/missing': {
      delete: act(
        'writeOffMissing',
        'Write off the missing messages',
        [difference],
        {},
        {
          ...ok('The messages were written off', json(ref('WrittenOff'))),
          ...problems('invalid-query', 'not-written-off'),
        },
      ),
    },
    '/dead-letters': {
      get: read(
        'listDeadLetters',
        'Operation',
        'List messages that could not be stored because of their content',
        queryParameters(deadLettersParameters),
        {
          ...ok('Dead letters, newest first', json(ref('DeadLetterPage'))),
          ...problems('bad-request', 'invalid-query'),
        },
      ),
    },
    '/dead-letters/{id}': {
      get: read('getDeadLetter', 'Operation', 'Get one dead letter', [deadLetterId], {
        ...ok('The dead letter', json(ref('DeadLetter'))),
        ...problems('not-found'),
      }),
      delete: act(
        'discardDeadLetter',
        'Discard a dead letter',
        [deadLetterId],
        {},
        { '204': { description: 'The dead letter was discarded' } },
      ),
    },
    '/dead-letters/{id}/replay': {
      post: act(
        'replayDeadLetter',
        'Send the messages of a dead letter through the intake and discard it when they are acknowledged',
        [deadLetterId],
        {
          requestBody: {
            content: json(object({ as: messageSchema.properties.message_id }, ['as'])),
            description:
              'A new id for the only message of the dead letter. A conflicting duplicate requires one.',
          },
        },
        {
          ...ok('The messages were acknowledged', json(ref('Replay'))),
          ...problems('not-replayable', 'invalid-query'),
        },
      ),
    },
    '/system': {
      get: read(
        'getSystem',
        'Operation',
        'Get the state of the whole system',
        [],
        ok('The current figures', json(ref('Sample'))),
      ),
    },
    '/live': {
      get: read('getLive', 'Operation', 'Follow the state of the system as server-sent events', [], {
        ...ok('First an event `history` with an array of samples, then an event `sample` every second', {
          'text/event-stream': { schema: { type: 'string', description: 'data is the JSON of a Sample.' } },
        }),
        ...problems('cross-site'),
      }),
    },
    '/metrics': {
      get: read(
        'getMetrics',
        'Operation',
        'Get the metrics of all processes in the Prometheus text format',
        [],
        metricsPage,
      ),
    },
    '/metrics/process': {
      get: read(
        'getProcessMetrics',
        'Operation',
        'Get the metrics of the process that responds',
        [],
        metricsPage,
      ),
    },
    '/healthz': {
      get: health(
        'getHealth',
        'Check whether the process is alive',
        ok('The process is alive', json(object({ status }))),
      ),
    },
    '/readyz': {
      get: health('getReadiness', 'Check whether the service is ready', {
        ...ok('The service is ready', json(ref('Readiness'))),
        '503': { description: 'The service is not ready', content: json(ref('Readiness')) },
      }),
    },
    '/docs': {
      get: read(
        'getDocs',
        'Operation',
        'Show this documentation',
        [],
        ok('Swagger UI', { 'text/html': text() }),
      ),
    },
    '/docs/runbook': {
      get: read(
        'getRunbook',
        'Operation',
        'Show the runbook: what to do about each alert',
        [],
        ok('The runbook', { 'text/html': text() }),
      ),
    },
    '/openapi.json': {
      get: read(
        'getOpenApi',
        'Operation',
        'Get this description',
        [],
        ok('OpenAPI 3.1', json({ type: 'object' })),
      ),
    },
  };
}

export function openApiDocument(): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Lyftr',
      version: '0.1.0',
      description: 'Receives webhooks, never loses one that it acknowledged, and makes them searchable.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: [{ name: 'Intake' }, { name: 'Messages' }, { name: 'Operation' }],
    paths: paths(),
    components: {
      schemas,
      headers: { RequestId: requestId },
      securitySchemes,
    },
  };
}
