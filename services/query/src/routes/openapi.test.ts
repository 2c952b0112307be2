import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { messageSchema } from '@lyftr/shared/message';
import { messagesParameters } from './messages.js';
import { openApiDocument } from './openapi.js';

interface Operation {
  parameters?: { name: string; description: string; schema: object }[];
  security?: object[];
}

// as a client gets it
const document = JSON.parse(JSON.stringify(openApiDocument())) as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
};

test('the document is OpenAPI 3.1', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(document));
  assert.ok(valid, JSON.stringify(errors));
  assert.equal(validator.version, '3.1');
});

test('every public route is in it', () => {
  const routes = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual(routes.toSorted(), [
    'DELETE /dead-letters/{id}',
    'DELETE /ledger/missing',
    'GET /dead-letters',
    'GET /dead-letters/{id}',
    'GET /docs',
    'GET /docs/runbook',
    'GET /export',
    'GET /healthz',
    'GET /ledger',
    'GET /live',
    'GET /messages',
    'GET /messages/{message_id}',
    'GET /metrics',
    'GET /metrics/process',
    'GET /openapi.json',
    'GET /readyz',
    'GET /rejects',
    'GET /sources',
    'GET /stats',
    'GET /stats/timeline',
    'GET /system',
    'GET /webhook/{source}',
    'POST /dead-letters/{id}/replay',
    'POST /deliveries',
    'POST /webhook',
    'POST /webhook/batch',
    'POST /webhook/{source}',
  ]);
  assert.deepEqual(document.paths['/webhook']?.['post']?.security, [{ signature: [] }]);
});

test('it has the schemas that validate', () => {
  const { Message: message } = document.components.schemas;
  assert.deepEqual({ ...message, ...messageSchema }, message);
  const parameters = document.paths['/messages']?.['get']?.parameters ?? [];
  const described = parameters.map(({ name, description, schema }) => [name, { description, ...schema }]);
  assert.deepEqual(Object.fromEntries(described), messagesParameters.properties);
});

test('every reference leads somewhere', () => {
  const references = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g);
  for (const [, name] of references)
    assert.ok(name !== undefined && name in document.components.schemas, name);
});
