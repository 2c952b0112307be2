import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FORWARDED_BODY_BYTES_MAX, FORWARDS_PER_ADDRESS_MAX } from '@lyftr/shared/limits';
import { createLogger } from '@lyftr/shared/runtime/log';
import { createUnverified } from './body.js';
import { createForwarder } from './forward.js';
import { startIngest } from './testing.js';

interface Seen {
  url: string;
  body: string;
  forwardedFor: unknown;
}

let seen: Seen[] = [];
let gone = 0;
/** Paths below /slow are not answered. */
let query: Server;
let ingest: Awaited<ReturnType<typeof startIngest>>;

async function bodyOf(req: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of req) body += String(chunk);
  return body;
}

before(async () => {
  query = createServer((req, res) => {
    const { url = '' } = req;
    const entry: Seen = { url, body: '', forwardedFor: req.headers['x-forwarded-for'] };
    seen.push(entry);
    res.on('close', () => {
      if (!res.writableFinished) gone++;
    });
    void bodyOf(req).then((body) => {
      entry.body = body;
      if (!url.startsWith('/slow')) res.end(`${req.method} ${body}`);
    });
  }).listen(0, '127.0.0.1');
  await once(query, 'listening');
  const log = createLogger('test', 'silent');
  const { port } = query.address() as AddressInfo;
  const unverified = createUnverified(1024 * 1024);
  const { forward } = createForwarder(`http://127.0.0.1:${port}`, unverified, log);
  ingest = await startIngest({ forward, unverified });
});
beforeEach(() => {
  seen = [];
  gone = 0;
});
after(async () => {
  await ingest.close();
  query.close();
  query.closeAllConnections();
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(5);
}

function begin(bytes: string) {
  const socket = connect(ingest.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(bytes);
  return socket;
}

const HEAD = 'Host: x\r\n';

test('a request goes to query when its body is there', { timeout: 300_000 }, async () => {
  // more than one address may have at query at a time
  const slow = Array.from({ length: FORWARDS_PER_ADDRESS_MAX + 10 }, () =>
    begin(`POST /sign-in HTTP/1.1\r\n${HEAD}Content-Length: 100\r\n\r\nx`),
  );
  await Promise.all(slow.map((socket) => once(socket, 'connect')));
  const answer = await fetch(`${ingest.origin}/messages`);
  assert.equal(await answer.text(), 'GET ');
  assert.deepEqual(seen, [{ url: '/messages', body: '', forwardedFor: '127.0.0.1' }]);
  const [first] = slow;
  first?.write('y'.repeat(99));
  await until(() => seen.length === 2 && seen[1]?.body === `x${'y'.repeat(99)}`);
  for (const socket of slow) socket.destroy();
});

test('bodies go through as they are, up to their limit', async () => {
  const send = async (body: string) => {
    const answer = await fetch(`${ingest.origin}/sign-in`, { method: 'POST', body });
    return { status: answer.status, text: await answer.text() };
  };
  const largest = 'z'.repeat(FORWARDED_BODY_BYTES_MAX);
  assert.deepEqual(await send(''), { status: 200, text: 'POST ' });
  assert.deepEqual(await send(largest), { status: 200, text: `POST ${largest}` });
  assert.equal((await send(`${largest}z`)).status, 413);
  const req = request(`${ingest.origin}/sign-in`, { method: 'POST' });
  req.write('chunks ');
  await delay(20);
  req.end('of it');
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  assert.equal(await bodyOf(res), 'POST chunks of it');
  assert.equal(seen.length, 3);
});

test('the address that ingest saw stands last, behind what the client claims', async () => {
  await fetch(`${ingest.origin}/x`, { headers: { 'x-forwarded-for': '203.0.113.7' } });
  assert.equal(seen[0]?.forwardedFor, '203.0.113.7, 127.0.0.1');
});

test('an address has its number of requests at a time, and others theirs', { timeout: 300_000 }, async () => {
  const waiting = Array.from({ length: FORWARDS_PER_ADDRESS_MAX }, () =>
    begin(`GET /slow HTTP/1.1\r\n${HEAD}\r\n`),
  );
  await until(() => seen.length === FORWARDS_PER_ADDRESS_MAX);
  const refused = await fetch(`${ingest.origin}/x`);
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get('retry-after'), '1');
  assert.match(await refused.text(), /urn:lyftr:problem:too-busy/);
  const req = request(`${ingest.origin}/x`, { localAddress: '127.0.0.2' }).end();
  const [other] = (await once(req, 'response')) as [IncomingMessage];
  assert.equal(other.statusCode, 200);
  other.resume();

  // a reader that leaves ends its request at query, and has its turn back
  for (const socket of waiting) socket.end();
  await until(() => gone === FORWARDS_PER_ADDRESS_MAX);
  assert.equal((await fetch(`${ingest.origin}/x`)).status, 200);
  for (const socket of waiting) socket.destroy();
});

test('a change is answered to a client that has ended its stream', async () => {
  const socket = begin('');
  let received = '';
  socket.on('data', (chunk) => (received += String(chunk)));
  socket.end(`POST /dead-letters/1/replay HTTP/1.1\r\n${HEAD}Content-Length: 2\r\n\r\n{}`);
  await once(socket, 'close');
  assert.match(received, /^HTTP\/1\.1 200 [^]*POST \{\}/);
});
