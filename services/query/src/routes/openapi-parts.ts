/** Common parts of OpenAPI operations: responses, problems, authorization. */
import { PROBLEM_TYPE, PROBLEMS, type ProblemCode } from '@lyftr/shared/errors';
import type { ParameterSchema } from './parameters.js';
import { ref, type Json } from './schema-parts.js';
import { requestId } from './schemas.js';

export const json = (schema: Json) => ({ 'application/json': { schema } });
const headers = { 'x-request-id': { $ref: '#/components/headers/RequestId' } };
export const ok = (description: string, content: Json) => ({ '200': { description, headers, content } });

/** Returns one response per status. Several problems may share a status. */
export function problems(...codes: ProblemCode[]): Json {
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

export function queryParameters(schema: ParameterSchema): Json[] {
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

export function intake(operationId: string, summary: string, requestContent: Json, answer: Json): Json {
  return {
    operationId,
    tags: ['Intake'],
    summary,
    security: [{ signature: [] }],
    parameters: [{ name: 'x-request-id', in: 'header', ...requestId }],
    requestBody: { required: true, content: requestContent },
    responses: { ...ok('Redis has stored the message', json(answer)), ...problems(...REFUSALS) },
  };
}

/** The delivery of a source, in the form and with the signature of its provider. */
export function delivery(source: Json, answer: Json): Json {
  return {
    operationId: 'postDelivery',
    tags: ['Intake'],
    summary: 'Accept one delivery of a source, signed as its provider signs',
    security: [],
    parameters: [source],
    requestBody: { required: true, content: { '*/*': { schema: {} } } },
    responses: {
      ...answer,
      '204': { description: 'As 200, for a provider that expects an empty answer' },
      ...problems(
        'bad-signature',
        'not-found',
        'method-not-allowed',
        'request-timeout',
        'body-too-large',
        'rate-limited',
        'queue-unavailable',
      ),
    },
  };
}

/** The question of a provider whether an address is the right one. */
export function handshake(source: Json): Json {
  const parameter = (name: string) => ({ name, in: 'query', required: true, schema: { type: 'string' } });
  return {
    operationId: 'getChallenge',
    tags: ['Intake'],
    summary: 'Answer the challenge of Meta. Only a source with verify_token has this',
    security: [],
    parameters: [source, ...['hub.mode', 'hub.verify_token', 'hub.challenge'].map(parameter)],
    responses: {
      ...ok('The challenge', { 'text/plain': { schema: { type: 'string' } } }),
      ...problems('bad-signature', 'not-found', 'method-not-allowed'),
    },
  };
}

/** A token, a session, or nothing when the service has no token. */
const READERS = [{ bearer: [] }, { session: [] }, {}];

export function read(
  operationId: string,
  tag: string,
  summary: string,
  parameters: Json[],
  responses: Json,
): Json {
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

/** An operation that changes something. It refuses requests from pages of other sites. */
export function act(
  operationId: string,
  summary: string,
  parameters: Json[],
  rest: Json,
  responses: Json,
): Json {
  return {
    operationId,
    tags: ['Operation'],
    summary,
    security: READERS,
    parameters,
    ...rest,
    responses: {
      ...responses,
      ...problems('bad-token', 'too-many-tries', 'cross-site', 'not-found', 'not-ready', 'not-confirmed'),
    },
  };
}

export const health = (operationId: string, summary: string, responses: Json): Json => ({
  operationId,
  tags: ['Operation'],
  summary,
  security: [],
  responses,
});
