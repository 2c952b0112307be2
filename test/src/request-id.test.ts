/** `x-request-id`: in every answer, through the queue to the writer's line, and nothing per message at `info`. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import Database from 'better-sqlite3';
import { databaseFile } from '@lyftr/store/sqlite/format';
import { eventually, Process, sign, System } from './system.js';

let system: System;
before(async () => {
  system = await System.start({ LOG_LEVEL: 'debug', MAX_BODY_BYTES: '2000' });
});
after(() => system.stop());

const GENERATED = /^[0-9a-f]{10}-[0-9a-z]+$/;
const bodyOf = (id: string, text = 'hi') =>
  JSON.stringify({ message_id: id, from: 'a', to: 'b', ts: 1, text });

let given = 0;
const newId = () => `sender:${++given}_of.this-test`;

const isWhole = (received: string): boolean => {
  const end = received.indexOf('\r\n\r\n');
  const length = Number(/^content-length: (\d+)/im.exec(received)?.[1] ?? 0);
  return end !== -1 && (/^transfer-encoding/im.test(received) || received.length >= end + 4 + length);
};

/** Sends bytes as they are, and returns the first answer. */
async function raw(bytes: string): Promise<string> {
  const socket = connect(Number(new URL(system.origin).port), '127.0.0.1');
  let received = '';
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
    if (isWhole(received)) socket.destroy();
  });
  socket.write(bytes, 'latin1');
  await new Promise((resolve) => socket.once('close', resolve));
  return received;
}

/** A signed delivery. A header of the same name as one of its own takes the place of it. */
function rawPost(body: string, headers: string[], path = '/webhook'): string {
  const nameOf = (header: string) => header.split(':')[0]?.toLowerCase();
  const own = ['Content-Type: application/json', `x-signature: ${sign(body)}`].filter(
    (header) => !headers.some((other) => nameOf(other) === nameOf(header)),
  );
  const all = ['Host: localhost', ...own, ...headers, `Content-Length: ${body.length}`];
  return `POST ${path} HTTP/1.1\r\n${all.join('\r\n')}\r\n\r\n${body}`;
}

/** Status and ids of the one answer in `received`. */
function answerIn(received: string): [number, string[]] {
  const [head = ''] = received.split('\r\n\r\n');
  assert.doesNotMatch(head, /set-cookie/i);
  const ids = [...head.matchAll(/^x-request-id: (.*)$/gim)].map(([, id]) => (id as string).trim());
  return [Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]), ids];
}

const lineWith = (name: string, msg: string, has: (line: Record<string, unknown>) => boolean) =>
  eventually(`${name}: ${msg}`, () =>
    system.process(name).lines.find((line) => line['msg'] === msg && has(line)),
  );

test('the id that a sender gave is in every answer', async () => {
  const writer = `http://127.0.0.1:${await system.process('writer').port()}`;
  const cases: [number, string, string, RequestInit?][] = [
    [405, system.origin, '/webhook'],
    [200, system.origin, '/healthz'],
    [200, system.origin, '/readyz'],
    [200, system.origin, '/messages'],
    [422, system.origin, '/messages?limit=0'],
    [404, system.origin, '/messages/nobody'],
    [404, system.origin, '/nothing'],
    [405, system.origin, '/messages', { method: 'DELETE' }],
    [200, system.origin, '/metrics'],
    [200, system.origin, '/metrics/process'],
    [200, system.origin, '/ledger'],
    [200, system.origin, '/docs'],
    [200, writer, '/healthz'],
    [200, writer, '/metrics/process'],
    [404, writer, '/nothing'],
  ];
  for (const [status, origin, path, init] of cases) {
    const id = newId();
    const answer = await fetch(`${origin}${path}`, { ...init, headers: { 'x-request-id': id } });
    await answer.arrayBuffer();
    assert.deepEqual([answer.status, answer.headers.get('x-request-id')], [status, id], path);
  }
});

test('also of deliveries, on the fast path and on node:http', async () => {
  const deliveries: [number, string, string[], string?][] = [
    [200, bodyOf('1'), []],
    [200, bodyOf('2'), ['Connection: close']],
    [200, `[${bodyOf('3')}]`, [], '/webhook/batch'],
    [400, '{', []],
    [401, bodyOf('4'), ['x-signature: 0']],
    [413, bodyOf('5', 'x'.repeat(2_000)), []],
    [415, bodyOf('6'), ['Content-Type: text/plain']],
    [422, '{}', []],
    [400, bodyOf('7'), ['Host: second']],
    [400, bodyOf('8'), ['Expect: the unexpected']],
  ];
  for (const [status, body, headers, path] of deliveries) {
    const id = newId();
    const request = rawPost(body, [`X-Request-Id: ${id}`, ...headers], path);
    assert.deepEqual(answerIn(await raw(request)), [status, [id]], request);
  }
});

test('a body that never comes is answered with the id of its request', { timeout: 300_000 }, async () => {
  const id = newId();
  const head = `POST /webhook HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: ${id}\r\nContent-Length: 9\r\n\r\n`;
  assert.deepEqual(answerIn(await raw(head)), [408, [id]]);
});

test('an id that is not taken over is replaced, and injects nothing', async () => {
  const hostile = [
    [],
    ['x-request-id:'],
    [`x-request-id: ${'x'.repeat(129)}`],
    ['x-request-id: two words'],
    ['x-request-id: a%0d%0aset-cookie:b'],
    ['x-request-id: \u00e9\r\nset-cookie: b'],
    ['x-request-id: \x01'],
    ['x-request-id: \x1b[2J'],
    ['x-request-id: a\r\n b'],
    ['x-request-id: first', 'x-request-id: second'],
    ['x-request-id: first', 'X-Request-ID: first'],
  ];
  for (const headers of hostile) {
    for (const request of [
      rawPost(bodyOf('h'), headers),
      rawPost(bodyOf('h'), [...headers, 'Connection: close']),
      `GET /messages HTTP/1.1\r\n${['Host: localhost', 'Connection: close', ...headers].join('\r\n')}\r\n\r\n`,
      'nonsense\r\n\r\n',
    ]) {
      const [status, ids] = answerIn(await raw(request));
      assert.equal(ids.length, 1, request);
      assert.match(ids[0] as string, GENERATED, request);
      // what is no header at all is refused as before
      assert.ok(status === 200 || status === 400, request);
    }
  }
});

test('a delivery is followed by its id from ingest to the writer', async () => {
  const [single, batch, refused] = [newId(), newId(), newId()];
  await system.post(bodyOf('traced-1'), { 'x-request-id': single });
  const two = `[${bodyOf('traced-2')},${bodyOf('traced-3')}]`;
  await system.post(two, { 'x-request-id': batch }, '/webhook/batch');
  await system.post('{}', { 'x-request-id': refused });
  await lineWith('ingest', 'delivery accepted', (line) => line['requestId'] === single);
  await lineWith(
    'ingest',
    'delivery accepted',
    ({ requestId, messages }) => requestId === batch && messages === 2,
  );
  await lineWith(
    'ingest',
    'delivery refused',
    (line) => line['requestId'] === refused && line['problem'] === 'invalid-message',
  );
  for (const id of [single, batch])
    await lineWith(
      'writer',
      'stored',
      ({ level, requestIds }) => level === 'debug' && (requestIds as string[]).includes(id),
    );
});

test('what goes to dead_letters is a warning with the id of its delivery', async () => {
  const [first, second] = [newId(), newId()];
  await system.post(bodyOf('conflict', 'this'), { 'x-request-id': first });
  await system.post(bodyOf('conflict', 'that'), { 'x-request-id': second });
  const line = await lineWith('writer', 'stored as a dead letter', () => true);
  assert.equal(line['level'], 'warn');
  assert.equal(line['conflicting_duplicate'], 1);
  assert.deepEqual(line['requestIds'], [second]);
});

test('a job whose senders gave no ids is as long as ever', async () => {
  await system.process('writer').stop();
  await system.post(bodyOf('untraced'));
  const [job] = await system.redis.lrange('lyftr:deliveries:wait', 0, -1);
  const data = await system.redis.hget(`lyftr:deliveries:${job}`, 'data');
  const envelope = JSON.parse(data ?? '') as object;
  assert.deepEqual(Object.keys(envelope), ['v', 'producer', 'first', 'at', 'messages']);
  await system.startService('writer');
  await eventually('stored', async () => (await system.get('/messages/untraced')).status === 200);
});

test('503 has it too, from ingest and for query', { timeout: 300_000 }, async () => {
  await system.process('query').stop();
  const headers = { 'x-request-id': newId() };
  const away = await system.get('/messages', { headers });
  assert.deepEqual([away.status, away.headers.get('x-request-id')], [503, headers['x-request-id']]);
  await lineWith(
    'ingest',
    'query is not responding',
    (line) => line['requestId'] === headers['x-request-id'],
  );
  await system.process('redis').stop('SIGKILL');
  const id = newId();
  const queueAway = await system.post(bodyOf('away'), { 'x-request-id': id });
  assert.deepEqual([queueAway.status, queueAway.headers.get('x-request-id')], [503, id]);
});

test('query logs what it fails at with the id', async () => {
  const database = new Database(databaseFile(system.env['DATA_DIR'] as string));
  database.exec('ALTER TABLE dead_letters RENAME TO gone');
  database.close();
  const query = await system.startService('query');
  const id = newId();
  const answer = await fetch(`http://127.0.0.1:${await query.port()}/dead-letters`, {
    headers: { 'x-request-id': id },
  });
  assert.deepEqual([answer.status, answer.headers.get('x-request-id')], [500, id]);
  await lineWith('query', 'request failed', ({ level, requestId }) => level === 'error' && requestId === id);
});

test('at info 1,000 messages cause no line', { timeout: 300_000 }, async () => {
  const quiet = await System.start();
  try {
    const names = ['ingest', 'writer', 'query'];
    await quiet.post(bodyOf('first'));
    await quiet.stored(1);
    const counts = () => names.map((name) => quiet.process(name).lines.length);
    const earlier = counts();
    for (let from = 0; from < 1_000; from += 50) {
      const posts = Array.from({ length: 50 }, (_, i) =>
        quiet.post(bodyOf(`m-${from + i}`), { 'x-request-id': newId() }),
      );
      for (const { status } of await Promise.all(posts)) assert.equal(status, 200);
    }
    await quiet.stored(1_001);
    await quiet.get('/messages?q=hi');
    assert.deepEqual(counts(), earlier);
  } finally {
    await quiet.stop();
  }
});

test('on a terminal the lines are for a person, elsewhere JSON', async (t) => {
  if (spawnSync('script', ['--version']).status !== 0) {
    t.skip('there is no `script` to make a terminal');
    return;
  }
  const holder = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => holder.once('listening', resolve));
  const { port } = holder.address() as AddressInfo;
  try {
    const env = { DATA_DIR: system.dir, QUERY_PORT: String(port), TERM: 'xterm', NO_COLOR: '1' };
    const main = 'services/query/dist/main.js';
    const terminal = new Process(
      'query',
      'script',
      ['-qec', `${process.execPath} ${main}`, '/dev/null'],
      env,
    );
    await terminal.ended;
    const shown = terminal.lines.map(({ msg }) => String(msg)).join('\n');
    assert.match(
      shown,
      new RegExp(`^\\d\\d:\\d\\d:\\d\\d\\.\\d{3} FATAL: query  port ${port} is in use`, 'm'),
    );
    const piped = new Process('query', process.execPath, [main], env);
    await piped.ended;
    assert.equal(piped.logged(`port ${port} is in use`)?.['level'], 'fatal');
  } finally {
    holder.close();
  }
});
