import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { Problem } from '@lyftr/shared/errors';
import { createDatabase, temporaryDirectory, type TestDirectory } from '@lyftr/store/sqlite/testing';
import { startService, type TestService } from './testing.js';

const READS = [
  '/',
  '/console.json',
  '/messages',
  '/messages/id',
  '/stats',
  '/metrics',
  '/docs',
  '/docs/docs.js',
  '/openapi.json',
];

let directory: TestDirectory;
let service: TestService;

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(async () => {
  await service.close();
  directory.remove();
});

test('reads wait for the database with 503, and go on by themselves when it is there', async () => {
  service = await startService(directory.path);
  const ready = await fetch(`${service.url}/readyz`);
  assert.equal(ready.status, 503);
  assert.match(JSON.stringify(await ready.json()), /"database":"The database does not exist yet/);
  for (const path of ['/messages', '/messages/id', '/stats']) {
    const response = await fetch(service.url + path);
    assert.equal(response.status, 503);
    assert.equal(response.headers.get('retry-after'), '1');
    assert.equal(((await response.json()) as Problem).type, 'urn:lyftr:problem:not-ready');
  }
  assert.equal((await fetch(`${service.url}/healthz`)).status, 200);

  createDatabase(directory.path).close();
  assert.equal((await fetch(`${service.url}/messages`)).status, 200);
  const answer = await fetch(`${service.url}/readyz`);
  assert.deepEqual(
    [answer.status, await answer.json()],
    [200, { status: 'ready', dependencies: { database: 'ok' } }],
  );
});

test('with a token, everything but health needs it', async () => {
  createDatabase(directory.path).close();
  service = await startService(directory.path, { token: 'secret' });
  for (const path of [...READS, '/nowhere']) {
    for (const authorization of ['', 'Bearer wrong', 'Basic secret']) {
      const response = await fetch(service.url + path, { headers: { authorization } });
      assert.equal(response.status, 401, path);
      assert.equal(response.headers.get('www-authenticate'), 'Bearer');
    }
    const response = await fetch(service.url + path, { headers: { authorization: 'Bearer secret' } });
    assert.equal(response.status, path === '/messages/id' || path === '/nowhere' ? 404 : 200, path);
  }
  assert.equal((await fetch(`${service.url}/healthz`)).status, 200);
  assert.equal((await fetch(`${service.url}/readyz`)).status, 200);
});

test('known routes answer other methods with 405, HEAD like GET, and unknown routes are problems', async () => {
  createDatabase(directory.path).close();
  service = await startService(directory.path);
  for (const path of [...READS, '/healthz', '/readyz']) {
    const post = await fetch(service.url + path, { method: 'POST' });
    assert.equal(post.status, 405, path);
    assert.equal(post.headers.get('allow'), 'GET, HEAD');
    const [head, get] = await Promise.all([
      fetch(service.url + path, { method: 'HEAD' }),
      fetch(service.url + path),
    ]);
    assert.equal(head.status, get.status, path);
    assert.equal(head.headers.get('content-type'), get.headers.get('content-type'));
    assert.equal(await head.text(), '');
    assert.equal(get.headers.get('x-content-type-options'), 'nosniff');
  }
  for (const path of ['/nowhere', '/docs/openapi.ts', '/docs/..%2fpackage.json', '/messages/a/b']) {
    const response = await fetch(service.url + path);
    assert.equal(response.status, 404, path);
    assert.equal(response.headers.get('content-type'), 'application/problem+json');
  }
});
