/** OpenAPI 3.1 of the whole system, made from the schemas that validate: both services are behind one origin. */
import { PROBLEM_TYPE, PROBLEMS, type ProblemCode } from '@lyftr/shared/errors';
import { messageSchema } from '@lyftr/shared/message';
import { deadLettersParameters } from './dead-letters.js';
import { exportParameters } from './export.js';
import { messagesParameters } from './messages.js';
import type { ParameterSchema } from './parameters.js';
import { count, object, ref, requestId, schemas, securitySchemes, type Json } from './schemas.js';
import { statsParameters, timelineParameters } from './stats.js';

const json = (schema: Json) => ({ 'application/json': { schema } });
const headers = { 'x-request-id': { $ref: '#/components/headers/RequestId' } };
const ok = (description: string, content: Json) => ({ '200': { description, headers, content } });

/** One response per status; several problems may share one. */
function problems(...codes: ProblemCode[]): Json {
  const titles = new Map<number, string[]>();
  for (const code of codes) {
    const { status, title } = PROBLEMS[code];
    titles.set(status, [...(titles.get(status) ?? []), title]);
  }
  const content = { [PROBLEM_TYPE]: { schema: ref('Problem') } };
  return Object.fromEntries(
    Array.from(titles, ([status, names]) => [
      String(status),
      { description: names.join('; '), headers, content },
    ]),
  );
}

function queryParameters(schema: ParameterSchema): Json[] {
  return Object.entries(schema.properties).map(([name, { description, ...rest }]) => ({
    name,
    in: 'query',
    description,
    ...(name === 'cursor' ? { allowEmptyValue: true } : {}),
    schema: rest,
  }));
}

const REFUSALS = [
  'bad-request',
  'not-json',
  'bad-signature',
  'request-timeout',
  'body-too-large',
  'unsupported-media-type',
  'invalid-message',
  'queue-unavailable',
] as const;

function intake(operationId: string, summary: string, requestContent: Json, answer: Json): Json {
  return {
    operationId,
    tags: ['Intake'],
    summary,
    security: [{ signature: [] }],
    parameters: [{ name: 'x-request-id', in: 'header', ...requestId }],
    requestBody: { required: true, content: requestContent },
    responses: { ...ok('Redis has stored it', json(answer)), ...problems(...REFUSALS) },
  };
}

/** A token, a browser's session, or nothing where the service has no token. */
const READERS = [{ bearer: [] }, { session: [] }, {}];

function read(operationId: string, tag: string, summary: string, parameters: Json[], responses: Json): Json {
  return {
    operationId,
    tags: [tag],
    summary,
    security: READERS,
    parameters,
    responses: {
      ...responses,
      ...problems('bad-token', 'too-many-tries', 'upstream-unavailable', 'not-ready'),
    },
  };
}

/** What changes something, and is therefore closed to pages of other sites. */
function act(operationId: string, summary: string, rest: Json, responses: Json): Json {
  return {
    operationId,
    tags: ['Operation'],
    summary,
    security: READERS,
    parameters: [deadLetterId],
    ...rest,
    responses: {
      ...responses,
      ...problems('bad-token', 'too-many-tries', 'cross-site', 'not-found', 'not-replayable', 'not-ready'),
    },
  };
}

const health = (operationId: string, summary: string, responses: Json): Json => ({
  operationId,
  tags: ['Operation'],
  summary,
  security: [],
  responses,
});

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
        {},
        { '204': { description: 'It is gone' } },
      ),
    },
    '/dead-letters/{id}/replay': {
      post: act(
        'replayDeadLetter',
        'Sends the messages of a dead letter through the intake, and discards it once they are acknowledged',
        {
          requestBody: {
            content: json(object({ as: messageSchema.properties.message_id }, ['as'])),
            description: 'Another id for its one message: a conflicting duplicate needs one.',
          },
        },
        { ...ok('They are acknowledged', json(ref('Replay'))), ...problems('invalid-query') },
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
