/** Which path and method is whose, and what a reload changes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createLogger } from '@lyftr/shared/runtime/log';
import { otherKeyOf } from '@lyftr/sources/testing';
import { createUnverified } from './body.js';
import { createForwarder } from './forward.js';
import { startIngest } from './testing.js';
import { bytesOf, send, senderOf, signedBy, type Sent } from './testing-sources.js';

const TOKEN = 'a token & more';
const senders = [senderOf('github'), senderOf('meta', { verifyToken: TOKEN })];

let ingest: Awaited<ReturnType<typeof startIngest>>;
const seenByQuery: string[] = [];
const query = createServer((req, res) => {
  seenByQuery.push(`${req.method} ${req.url}`);
  res.end('query');
}).listen(0, '127.0.0.1');
before(async () => {
  if (!query.listening) await once(query, 'listening');
  const { port } = query.address() as AddressInfo;
  const log = createLogger('test', 'silent');
  const unverified = createUnverified(1024 * 1024);
  const { forward } = createForwarder(`http://127.0.0.1:${port}`, unverified, log);
  ingest = await startIngest({ forward, unverified, senders });
});
after(async () => {
  await ingest.close();
  query.close();
  query.closeAllConnections();
});

const to = (method: string, target: string): Sent => ({ method, target, headers: [], body: Buffer.alloc(0) });

test('what is below /webhook and no source is not found, and not asked of query', async () => {
  for (const target of [
    '/webhook/nobody',
    '/webhook/',
    '/webhook/github/',
    '/webhook//github',
    '/webhook/%67ithub',
    '/webhook/%2e',
    '/webhook/.',
    '/webhook/..',
    '/webhook/../messages',
    '/webhook/GITHUB',
    '/webhook/github;a',
    '/webhook/github%00',
    '/webhook/github%2F..',
    '/webhook/__proto__',
    '/webhook/constructor',
    `/webhook/${'a'.repeat(5_000)}`,
  ]) {
    for (const method of ['POST', 'GET', 'PUT']) {
      const { status, body } = await send(ingest.port, { ...signedBy('github'), method, target });
      assert.equal(status, 404, `${method} ${target}`);
      assert.match(body, /urn:lyftr:problem:not-found/);
    }
  }
  assert.deepEqual(seenByQuery, []);
});

test('other paths are query’s', async () => {
  assert.equal((await send(ingest.port, to('GET', '/messages?q=/webhook/github'))).body, 'query');
  assert.deepEqual(seenByQuery, ['GET /messages?q=/webhook/github']);
});

test('other methods are told which there are', async () => {
  for (const [target, allow] of [
    ['/webhook', 'POST'],
    ['/webhook/batch', 'POST'],
    ['/deliveries', 'POST'],
    ['/webhook/github', 'POST'],
    ['/webhook/github?hub.mode=subscribe', 'POST'],
    ['/webhook/meta', 'GET, POST'],
  ] as const) {
    for (const method of [
      'HEAD',
      'PUT',
      'DELETE',
      'OPTIONS',
      'PATCH',
      'TRACE',
      ...(allow === 'POST' ? ['GET'] : []),
    ]) {
      const { status, header } = await send(ingest.port, to(method, target));
      assert.deepEqual([status, header('allow')], [405, allow], `${method} ${target}`);
    }
  }
});

test('a method is refused before the size, and the size before the signature', async () => {
  const large = { ...to('PUT', '/webhook/meta'), body: Buffer.alloc(5 * 1024 * 1024) };
  assert.equal((await send(ingest.port, large)).status, 405);
  assert.equal((await send(ingest.port, { ...large, method: 'POST' })).status, 413);
});

test('Meta’s question is answered with the challenge, to who knows the token', async () => {
  const ask = (parameters: Record<string, string>) =>
    send(ingest.port, to('GET', `/webhook/meta?${String(new URLSearchParams(parameters))}`));
  const right = { 'hub.mode': 'subscribe', 'hub.verify_token': TOKEN, 'hub.challenge': '1158201444' };
  const { status, body, header } = await ask(right);
  assert.deepEqual([status, body], [200, '1158201444']);
  assert.deepEqual([header('content-type'), header('x-content-type-options')], ['text/plain', 'nosniff']);
  for (const wrong of [
    { ...right, 'hub.verify_token': 'a token' },
    { ...right, 'hub.mode': 'other' },
    { ...right, 'hub.challenge': '<script>' },
    { ...right, 'hub.challenge': 'a'.repeat(257) },
    {},
  ]) {
    const answer = await ask(wrong);
    assert.equal(answer.status, 401);
    assert.doesNotMatch(answer.body, /script|1158201444/);
  }
  const page = await ingest.registry.metrics();
  assert.match(page, /^webhook_total\{status="handshake",source="meta"\} 1$/m);
  assert.match(page, /^webhook_total\{status="invalid_signature",source="meta"\} 5$/m);
});

test('a request that has begun keeps its source, and the next one has the new', async (t) => {
  const list = [senderOf('github')];
  const own = await startIngest({ senders: list });
  t.after(() => own.close());
  const [first, second] = [signedBy('github'), signedBy('github', { pair: otherKeyOf('github') })];
  const bytes = bytesOf(first);
  const socket = connect(own.port, '127.0.0.1');
  let received = '';
  socket.on('data', (chunk) => (received += String(chunk)));
  socket.write(bytes.subarray(0, -5));
  // its head has arrived when another connection, which came later, is answered
  assert.equal((await send(own.port, second)).status, 401);
  await delay(50);
  list[0] = senderOf('github', { keys: [{ id: 'new', secret: otherKeyOf('github').verifying }] });
  own.reload();
  assert.equal((await send(own.port, second)).status, 200);
  socket.write(bytes.subarray(-5));
  while (received === '') await delay(5);
  assert.match(received, /^HTTP\/1\.1 200 /);
  // the connection goes on, with the new source
  received = '';
  socket.write(bytesOf(first));
  while (received === '') await delay(5);
  assert.match(received, /^HTTP\/1\.1 401 /);
  socket.destroy();

  list.pop();
  own.reload();
  assert.equal((await send(own.port, second)).status, 404);
});

test('one body of the largest size has room, however little others have', async (t) => {
  const mib = 1024 * 1024;
  const unverified = createUnverified(1_000);
  const list = [senderOf('github', { bytesMax: 2 * mib })];
  const own = await startIngest({ senders: list, unverified });
  t.after(() => own.close());
  const large = signedBy('github', { body: Buffer.alloc(2 * mib, 'x') });
  assert.equal((await send(own.port, large)).status, 200);
  list[0] = senderOf('github', { bytesMax: 3 * mib });
  own.reload();
  const larger = signedBy('github', { body: Buffer.alloc(3 * mib, 'x') });
  assert.equal((await send(own.port, larger)).status, 200);
  assert.equal(unverified.take(7 * mib), false);
});
