import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { Registry } from 'prom-client';
import { openApiDocument } from './openapi.js';
import { createDatabase, temporaryDirectory, type TestDirectory } from '@lyftr/store/sqlite/testing';
import { startService, type TestService } from '../testing.js';

const registry = new Registry();
let directory: TestDirectory;
let service: TestService;

before(async () => {
  directory = temporaryDirectory();
  createDatabase(directory.path).close();
  service = await startService(directory.path, { registry });
});

after(async () => {
  await service.close();
  directory.remove();
});

/** As it stands, where fetch would tidy it first. */
async function get(path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    request({ port: service.port, path }, (res) => res.resume().once('end', resolve))
      .once('error', reject)
      .end();
  });
}

/** The label under which a request for `path` is counted. */
async function routeOf(path: string): Promise<unknown> {
  registry.resetMetrics();
  await get(path);
  for (;;) {
    const families = await registry.getMetricsAsJSON();
    const [sample] = families.find(({ name }) => name === 'http_request_duration_seconds')?.values ?? [];
    if (sample !== undefined) return sample.labels['route'];
    await new Promise(setImmediate);
  }
}

test('every route of the API is a label of its own', async () => {
  // the intake's are of another service, and a stream is not timed
  const paths = Object.keys(openApiDocument().paths as object).filter(
    (path) => !/^\/(webhook|deliveries|live)/.test(path),
  );
  for (const path of ['/export', '/stats/timeline']) assert.ok(paths.includes(path), path);
  for (const path of paths) assert.equal(await routeOf(path.replace(/\{\w+\}/g, '7')), path);
});

test('a route label is a pattern, never what a client made up', async () => {
  for (const [path, route] of [
    ['/messages?q=secret', '/messages'],
    ['/messages/', '/messages'],
    ['/messages/some%2Fid?x', '/messages/{message_id}'],
    ['/messages/%zz', '/messages/{message_id}'],
    ['/docs/swagger-ui.css', '/docs/{file}'],
    ['/', '/'],
    ['/?tab=messages', '/'],
    ['/console/main.js', '/console/{file}'],
    ['/dead-letters/7/replay', '/dead-letters/{id}/replay'],
    ['/queues/api/queues', '/queues'],
    ['/sign-in', '/sign-in'],
    ['/messages/7/8', 'other'],
    ['/consoles', 'other'],
    ['/openapi-json', 'other'],
    ['/wp-admin', 'other'],
  ] as const)
    assert.equal(await routeOf(path), route, path);
});
