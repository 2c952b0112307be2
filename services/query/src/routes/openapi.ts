/** OpenAPI 3.1 of the whole system, made from the schemas that validate: both services are behind one origin. */
import { messageSchema } from '@lyftr/shared/message';
import { deadLettersParameters } from './dead-letters.js';
import { exportParameters } from './export.js';
import { messagesParameters } from './messages.js';
import { act, health, intake, json, ok, problems, queryParameters, read } from './openapi-parts.js';
import { count, object, ref, requestId, schemas, securitySchemes, type Json } from './schemas.js';
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
  description: 'Its number.',
  schema: { type: 'integer' },
};

const difference = {
  name: 'difference',
  in: 'query',
  required: true,
  description: 'That of GET /ledger as it was looked at: the writer refuses another number.',
  schema: { type: 'integer' },
};

function paths(): Json {
  const text = (schema: Json = { type: 'string' }) => ({ schema });
  const metricsPage = ok('Metrics', { 'text/plain': text(), 'application/openmetrics-text': text() });
  return {
    '/webhook': {
      post: intake('postMessage', 'Takes one message', json(ref('Message')), object({ status })),
    },
    '/webhook/batch': {
      post: intake(
        'postMessages',
        'Takes many messages under one signature: all of them, or none',
        {
          ...json({ type: 'array', items: ref('Message') }),
          'application/x-ndjson': { schema: { type: 'string', description: 'One message a line.' } },
        },
        object({ status, accepted: count }),
      ),
    },
    '/messages': {
      get: read('listMessages', 'Messages', 'Searches messages', queryParameters(messagesParameters), {
        ...ok('One page of the matches', json(ref('MessagePage'))),
        ...problems('bad-request', 'invalid-query', 'search-timeout'),
      }),
    },
    '/export': {
      get: read('exportMessages', 'Messages', 'Every match, for a file', queryParameters(exportParameters), {
        ...ok(
          'The matches as NDJSON, each as it was delivered, or as CSV; complete when the answer ends in order',
          {
            'application/x-ndjson': text(),
            'text/csv': text(),
          },
        ),
        ...problems('bad-request', 'invalid-query', 'search-timeout'),
      }),
    },
    '/messages/{message_id}': {
      get: read('getMessage', 'Messages', 'One message', [messageId], {
        ...ok('The message', json(ref('StoredMessage'))),
        ...problems('bad-request', 'not-found'),
      }),
    },
    '/stats': {
      get: read('getStats', 'Messages', 'Counts by sender', queryParameters(statsParameters), {
        ...ok('Counts over all messages, or over those of a part of the time', json(ref('Stats'))),
        ...problems('bad-request', 'invalid-query', 'search-timeout'),
      }),
    },
    '/stats/timeline': {
      get: read(
        'getTimeline',
        'Messages',
        'Messages per minute, hour or day',
        queryParameters(timelineParameters),
        {
          ...ok('Buckets in order, without the empty ones', json(ref('Timeline'))),
          ...problems('bad-request', 'invalid-query', 'search-timeout'),
        },
      ),
    },
    '/ledger': {
      get: read(
        'getLedger',
        'Operation',
        'The account of every acknowledged message',
        [],
        ok('The ledger', json(ref('Ledger'))),
      ),
    },
    '/ledger/missing': {
      delete: act(
        'writeOffMissing',
        'Gives up the messages that are missing: they are counted as written off',
        [difference],
        {},
        {
          ...ok('They are written off', json(ref('WrittenOff'))),
          ...problems('invalid-query', 'not-written-off'),
        },
      ),
    },
    '/dead-letters': {
      get: read(
        'listDeadLetters',
        'Operation',
        'What could not be stored for its own sake',
        queryParameters(deadLettersParameters),
        {
          ...ok('Newest first', json(ref('DeadLetterPage'))),
          ...problems('bad-request', 'invalid-query'),
        },
      ),
    },
    '/dead-letters/{id}': {
      get: read('getDeadLetter', 'Operation', 'One dead letter', [deadLetterId], {
        ...ok('The letter', json(ref('DeadLetter'))),
        ...problems('not-found'),
      }),
      delete: act(
        'discardDeadLetter',
        'Discards a dead letter',
        [deadLetterId],
        {},
        { '204': { description: 'It is gone' } },
      ),
    },
    '/dead-letters/{id}/replay': {
      post: act(
        'replayDeadLetter',
        'Sends the messages of a dead letter through the intake, and discards it once they are acknowledged',
        [deadLetterId],
        {
          requestBody: {
            content: json(object({ as: messageSchema.properties.message_id }, ['as'])),
            description: 'Another id for its one message: a conflicting duplicate needs one.',
          },
        },
        {
          ...ok('They are acknowledged', json(ref('Replay'))),
          ...problems('not-replayable', 'invalid-query'),
        },
      ),
    },
    '/system': {
      get: read(
        'getSystem',
        'Operation',
        'One look at the whole system',
        [],
        ok('The figures of this moment', json(ref('Sample'))),
      ),
    },
    '/live': {
      get: read('getLive', 'Operation', 'Figures each second, as server-sent events', [], {
        ...ok('`history` with an array of samples, then `sample` each second', {
          'text/event-stream': { schema: { type: 'string', description: 'data is JSON: see Sample.' } },
        }),
        ...problems('cross-site'),
      }),
    },
    '/metrics': {
      get: read(
        'getMetrics',
        'Operation',
        'Figures of every process, in the text format of Prometheus',
        [],
        metricsPage,
      ),
    },
    '/metrics/process': {
      get: read('getProcessMetrics', 'Operation', 'Figures of the process that answers', [], metricsPage),
    },
    '/healthz': {
      get: health('getHealth', 'Is the process alive?', ok('It is', json(object({ status })))),
    },
    '/readyz': {
      get: health('getReadiness', 'Can it do its work?', {
        ...ok('It can', json(ref('Readiness'))),
        '503': { description: 'Not now', content: json(ref('Readiness')) },
      }),
    },
    '/docs': {
      get: read('getDocs', 'Operation', 'This page', [], ok('Swagger UI', { 'text/html': text() })),
    },
    '/docs/runbook': {
      get: read(
        'getRunbook',
        'Operation',
        'What to do at each alert',
        [],
        ok('The runbook', { 'text/html': text() }),
      ),
    },
    '/openapi.json': {
      get: read(
        'getOpenApi',
        'Operation',
        'This description',
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
      description: 'Takes in webhooks, loses none that it acknowledged, and makes them searchable.',
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
