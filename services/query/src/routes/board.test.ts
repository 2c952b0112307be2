import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { QUEUE_NAME, QUEUE_PREFIX } from '@lyftr/queue/options';
import { failFastRedis } from '@lyftr/shared/runtime/redis';
import { temporaryDirectory, type TestDirectory } from '@lyftr/store/sqlite/testing';
import { connected, startRedis, startService, type TestRedis, type TestService } from '../testing.js';

let directory: TestDirectory;
let server: TestRedis;
let redis: Redis;
let service: TestService;

before(async () => {
  directory = temporaryDirectory();
  server = await startRedis(directory.path);
});
after(async () => {
  await server.stop();
  directory.remove();
});
beforeEach(async () => {
  redis = failFastRedis(server.url, 400);
  redis.on('error', () => {});
  await connected(redis);
});
afterEach(async () => {
  await service.close();
  redis.disconnect();
});

async function addJob(text: string): Promise<void> {
  const queue = new Queue(QUEUE_NAME, { connection: redis, prefix: QUEUE_PREFIX });
  await queue.add('test:1', { messages: [['id', '1', '2', 3, text]] });
}

const QUEUES = '/queues/api/queues?activeQueue=deliveries&status=waiting&page=1';

test('it shows what waits, read-only, under a policy of its own, behind the token', async () => {
  await addJob('a private text');
  service = await startService(directory.path, { redis, token: 'secret' });
  const authorized = { headers: { authorization: 'Bearer secret' } };
  for (const path of ['/queues', QUEUES, '/queues/static/images/logo.svg']) {
    const answer = await fetch(service.url + path);
    assert.equal(answer.status, 401, path);
    assert.doesNotMatch(await answer.text(), /private/);
  }
  const page = await fetch(`${service.url}/queues`, authorized);
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'; script-src 'self';/);
  assert.equal(page.headers.get('x-powered-by'), null);
  const text = await page.text();
  for (const [, source] of text.matchAll(/<script defer src="([^"]+)"/g))
    assert.equal((await fetch(`${service.url}/queues/${source}`, authorized)).status, 200, source);
  const jobs = await (await fetch(service.url + QUEUES, authorized)).text();
  assert.match(jobs, /a private text/);
  assert.match(jobs, /"readOnlyMode":true/);
  const clean = await fetch(`${service.url}/queues/api/queues/deliveries/empty`, {
    method: 'PUT',
    ...authorized,
  });
  assert.equal(clean.status, 405);
  assert.equal(await redis.llen('lyftr:deliveries:wait'), 1);
});

test('a body that cannot be read is a fault of the client', async () => {
  service = await startService(directory.path, { redis });
  const { port } = service;
  for (const body of ['{', '['.repeat(200_000)]) {
    const sent = request({
      port,
      path: QUEUES,
      headers: { 'content-type': 'application/json', 'content-length': body.length },
    });
    sent.end(body);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    answer.resume();
    assert.equal(answer.statusCode, 400);
    assert.equal(answer.headers['content-type'], 'application/problem+json');
  }
});

test('QUEUES_WRITABLE lets jobs be changed, from this site alone', async () => {
  service = await startService(directory.path, { redis, queuesWritable: true });
  const empty = (headers: Record<string, string>) =>
    fetch(`${service.url}/queues/api/queues/deliveries/empty`, { method: 'PUT', headers });
  assert.equal((await empty({ origin: 'http://evil.example' })).status, 403);
  assert.equal(await redis.llen('lyftr:deliveries:wait'), 1);
  assert.equal((await empty({ origin: service.url })).status, 200);
  assert.equal(await redis.llen('lyftr:deliveries:wait'), 0);
});

test('without Redis, and with a frozen one, there is an answer, and it comes back by itself', async (t) => {
  service = await startService(directory.path, { redis });
  assert.equal((await fetch(service.url + QUEUES)).status, 200);
  process.kill(server.pid, 'SIGSTOP');
  t.after(() => process.kill(server.pid, 'SIGCONT'));
  const frozen = await fetch(service.url + QUEUES);
  assert.equal(frozen.status, 500);
  assert.match(await frozen.text(), /Redis is not responding/);
  process.kill(server.pid, 'SIGCONT');
  await redis.ping().catch(() => {});
  for (;;) if ((await fetch(service.url + QUEUES)).status === 200) break;

  await service.close();
  service = await startService(directory.path);
  const program = await fetch(service.url + QUEUES);
  assert.equal(program.status, 503);
  assert.equal(program.headers.get('content-type'), 'application/problem+json');
  assert.equal(program.headers.get('retry-after'), '2');
  const page = await fetch(`${service.url}/queues`, { headers: { accept: 'text/html' } });
  assert.equal(page.status, 503);
  assert.match(await page.text(), /<h1>Redis is not responding<\/h1>/);
});
