/** Every row of the error contract, over a real socket. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { eventually, sign, System, type Answer } from './system.js';

let system: System;
before(async () => {
  system = await System.start({ MAX_BODY_BYTES: '400000', WEBHOOK_SECRET_PREVIOUS: 'the secret before' });
});
after(() => system.stop());

const message = { message_id: 'c-1', from: '100', to: '200', ts: 1_710_000_000, text: 'hi' };
const json = (changes: object = {}) => JSON.stringify({ ...message, ...changes });

function isProblem(answer: Answer, status: number): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers.get('content-type'), 'application/problem+json');
  assert.equal(answer.json.status, status);
  for (const member of ['type', 'title', 'detail']) assert.equal(typeof answer.json[member], 'string');
  assert.doesNotMatch(answer.text, /\bat .*\.js|node_modules/);
}

/** Sends bytes as they are and returns everything that comes back until the server closes. */
function raw(bytes: string | Buffer, { halfClose = true } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(system.origin).port), '127.0.0.1');
    let received = '';
    socket.on('data', (chunk) => (received += chunk.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => resolve(received));
    if (halfClose) socket.end(bytes);
    else socket.write(bytes);
  });
}

const rawPost = (body: string, headers: string[]) =>
  raw(
    [
      `POST /webhook HTTP/1.1`,
      'Host: localhost',
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...headers,
      '',
      body,
    ].join('\r\n'),
  );

const statusOf = (received: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(received)?.[1]);

test('a signed message is accepted, by the secret and by the previous one', async () => {
  const first = await system.post(json());
  assert.equal(first.status, 200);
  assert.equal(first.text, '{"status":"ok"}');
  const previous = await system.post(json(), { 'x-signature': sign(json(), 'the secret before') });
  assert.equal(previous.status, 200);
});

test('401 for every wrong signature, always the same', async () => {
  const good = sign(json());
  const wrong = [
    '',
    'x',
    good.slice(1),
    `${good}0`,
    `${good.slice(1)}g`,
    sign(json(), 'other'),
    `${good},${good}`,
  ];
  const answers = await Promise.all(
    wrong.map((signature) => system.post(json(), { 'x-signature': signature })),
  );
  for (const answer of answers) {
    isProblem(answer, 401);
    assert.equal(answer.text, answers[0]?.text);
  }
  const doubled = await rawPost(json(), [
    'Content-Type: application/json',
    `x-signature: ${good}`,
    `x-signature: ${good}`,
  ]);
  assert.equal(statusOf(doubled), 401);
});

test('unsigned garbage of any kind is 401 and nothing else', async () => {
  const garbage = [
    '',
    '{',
    'null',
    '\0',
    'x'.repeat(100_000),
    Buffer.from([0xff, 0xfe, 0x80]),
    '['.repeat(50_000),
  ];
  for (const body of garbage) {
    for (const type of ['application/json', 'text/plain', '']) {
      isProblem(await system.post(body, { 'x-signature': '', 'content-type': type }), 401);
    }
  }
});

test('400 for what is not JSON, 422 for what is not a message', async () => {
  for (const body of ['{', '', '{"a":1}x', Buffer.from([0x22, 0xff, 0x22]), "{'a':1}"]) {
    isProblem(await system.post(body), 400);
  }
  const nested = `{"message_id":"n","from":"a","to":"b","ts":1,"x":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
  isProblem(await system.post(nested), 422);
  const invalid = [
    'null',
    '[]',
    '7',
    '{}',
    json({ message_id: 'a\0' }),
    json({ from: 'a\0' }),
    json({ to: '\0' }),
    json({ message_id: 5 }),
    json({ from: null }),
    json({ to: ['x'] }),
    json({ ts: '1' }),
    json({ ts: -1 }),
    json({ ts: 1e20 }),
    json({ ts: 1.5 }),
    json({ ts: 253_402_300_800 }),
    json({ text: 5 }),
    json({ text: 'x'.repeat(65_537) }),
    json({ message_id: '' }),
    json({ message_id: 'x'.repeat(256) }),
    '{"message_id":"\\ud800","from":"a","to":"b","ts":1}',
    '{"message_id":"s","from":"a","to":"b","ts":1,"text":"\\udfff"}',
  ];
  for (const body of invalid) {
    const answer = await system.post(body);
    isProblem(answer, 422);
    assert.ok(answer.json.errors.length > 0, body);
    assert.equal(typeof answer.json.errors[0].path, 'string');
  }
});

test('a problem repeats nothing of the message', async () => {
  const answer = await system.post(json({ ts: 'a private thing', text: 'my secret text' }));
  isProblem(answer, 422);
  assert.doesNotMatch(answer.text, /private|secret/);
});

test('415 for other content types, and only once the signature is right', async () => {
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/json; charset=latin1',
    '',
  ]) {
    isProblem(await system.post(Buffer.from(json()), { 'content-type': type }), 415);
  }
  for (const type of ['application/json; charset=utf-8', 'Application/JSON']) {
    assert.equal((await system.post(json(), { 'content-type': type })).status, 200);
  }
});

test('413 one byte over the limit, and with chunks whose length nobody told', async () => {
  const exact = json({ message_id: 'big', pad: '' });
  const fill = (bytes: number) => json({ message_id: 'big', pad: 'x'.repeat(bytes - exact.length) });
  assert.equal((await system.post(fill(400_000))).status, 200);
  isProblem(await system.post(fill(400_001)), 413);
  const body = fill(400_001);
  const chunked = new ReadableStream({
    start(controller) {
      for (let i = 0; i < body.length; i += 50_000)
        controller.enqueue(Buffer.from(body.slice(i, i + 50_000)));
      controller.close();
    },
  });
  const response = await fetch(`${system.origin}/webhook`, {
    method: 'POST',
    body: chunked,
    duplex: 'half',
    headers: { 'content-type': 'application/json', 'x-signature': sign(body) },
  });
  assert.equal(response.status, 413);
});

test('404 and 405', async () => {
  isProblem(await system.get('/nothing'), 404);
  isProblem(await system.post(json(), {}, '/webhook/'), 404);
  for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    for (const path of ['/webhook', '/webhook/batch', '/webhook?x=1']) {
      const answer = await system.get(path, { method });
      isProblem(answer, 405);
      assert.equal(answer.headers.get('allow'), 'POST');
    }
  }
  isProblem(await system.get('/messages', { method: 'DELETE' }), 405);
});

test('malformed HTTP is 400: two hosts, no host, other versions, smuggling', async () => {
  const requests = [
    'GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n',
    'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n',
    'GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n',
    'GET /healthz\r\nHost: a\r\n\r\n',
    'POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    'POST /webhook HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
    'nonsense\r\n\r\n',
    // more lines than node:http looks at by itself
    `GET /healthz HTTP/1.1\r\nHost: a\r\n${'x:\r\n'.repeat(2_000)}Host: b\r\n\r\n`,
  ];
  for (const request of requests) {
    const received = await raw(request);
    assert.equal(statusOf(received), 400, request);
  }
  const long = await raw(`GET /healthz HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`);
  assert.equal(statusOf(long), 431);
  // so has a request line: 1,000 characters of Chinese are 9,000 bytes in it
  const search = (bytes: number) => system.get(`/messages?q=${'%E6%96%87'.repeat(bytes / 9)}`);
  assert.equal((await search(9_000)).status, 200);
  isProblem(await search(18_000), 431);
});

test('408 for a body that never comes, within the request timeout', { timeout: 300_000 }, async () => {
  const received = await raw('POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc', {
    halfClose: false,
  });
  assert.equal(statusOf(received), 408);
});

const IDLE_CONNECTIONS = 10_000;

test(
  'with 10,000 idle connections health answers and deliveries are taken',
  { timeout: 300_000 },
  async (t) => {
    const limit = Number(/^Max open files +\S+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
    if (limit < IDLE_CONNECTIONS + 1_000) {
      t.skip(`this machine allows ${limit} open files`);
      return;
    }
    const port = Number(new URL(system.origin).port);
    const sockets = Array.from({ length: IDLE_CONNECTIONS }, () =>
      connect(port, '127.0.0.1').on('error', () => {}),
    );
    try {
      await eventually(
        'all are connected',
        () => sockets.every(({ readyState }) => readyState === 'open'),
        40_000,
      );
      assert.equal((await system.get('/healthz')).status, 200);
      assert.equal((await system.post(json({ message_id: 'among many' }))).status, 200);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  },
);

test('a batch is one signature over many messages, all or nothing', async () => {
  const many = (prefix: string) => [1, 2, 3].map((i) => ({ ...message, message_id: `${prefix}-${i}` }));
  const array = await system.post(JSON.stringify(many('array')), {}, '/webhook/batch');
  assert.equal(array.text, '{"status":"ok","accepted":3}');
  const lines = many('lines').map((each) => JSON.stringify(each));
  const ndjson = { 'content-type': 'application/x-ndjson' };
  assert.equal((await system.post(lines.join('\n'), ndjson, '/webhook/batch')).json.accepted, 3);
  isProblem(await system.post(JSON.stringify([...many('bad'), {}]), {}, '/webhook/batch'), 422);
  isProblem(await system.post(`${lines[0]}\n{`, ndjson, '/webhook/batch'), 400);
  isProblem(await system.post(JSON.stringify(message), {}, '/webhook/batch'), 422);
  isProblem(await system.post(lines.join('\n'), ndjson, '/webhook'), 415);
  isProblem(await system.post('[]', { 'x-signature': '' }, '/webhook/batch'), 401);
  await system.stored(8);
  const bad = system.rows("SELECT count(*) FROM messages WHERE message_id LIKE 'bad-%'");
  assert.deepEqual(bad, [[0]]);
});

test('422 for query parameters that are not valid', async () => {
  const queries = [
    'limit=0',
    'limit=101',
    'limit=x',
    'offset=-1',
    'since=yesterday',
    'until=2024-13-01',
    'order=up',
    'what=1',
  ];
  for (const query of queries) {
    const answer = await system.get(`/messages?${query}`);
    isProblem(answer, 422);
    assert.ok(answer.json.errors[0].path.includes(query.split('=')[0]), answer.text);
  }
});

test(
  '503 with Retry-After when Redis goes away, and 200 again when it is back',
  { timeout: 300_000 },
  async () => {
    const redis = system.process('redis');
    await redis.stop('SIGKILL');
    const away = await system.post(json({ message_id: 'away' }));
    isProblem(away, 503);
    assert.ok(Number(away.headers.get('retry-after')) > 0);
    assert.equal((await system.get('/readyz')).status, 503);
    assert.equal((await system.get('/healthz')).status, 200);
    const unsigned = await system.post(json(), { 'x-signature': '' });
    assert.equal(unsigned.status, 401);
    await system.startRedis();
    await recovered('back');
  },
);

test(
  '503 in bounded time while Redis is frozen, and 200 again when it wakes',
  { timeout: 300_000 },
  async () => {
    system.process('redis').child.kill('SIGSTOP');
    const answers = await Promise.all(['f1', 'f2', 'f3'].map((id) => system.post(json({ message_id: id }))));
    for (const answer of answers) isProblem(answer, 503);
    isProblem(await system.post(json({ message_id: 'f4' })), 503);
    system.process('redis').child.kill('SIGCONT');
    await recovered('thawed');
  },
);

test('503 when Redis was never up, and 200 when it comes', { timeout: 300_000 }, async () => {
  const late = new System();
  try {
    await late.startIngest();
    isProblem(await late.post(json()), 503);
    await late.startRedis();
    const deadline = performance.now() + 5_000;
    while ((await late.post(json())).status !== 200) assert.ok(performance.now() < deadline);
  } finally {
    await late.stop();
  }
});

test('a Redis that would lose what it acknowledged is refused, and named in /readyz', async () => {
  await system.redis.config('SET', 'appendfsync', 'everysec');
  await system.process('ingest').stop();
  await system.startIngest();
  isProblem(await system.post(json()), 503);
  await eventually('the fault is named', async () => {
    const { status, json: ready } = await system.get('/readyz');
    return status === 503 && /CONFIG SET appendfsync always/.test(ready.dependencies.redis);
  });
  await system.redis.config('SET', 'appendfsync', 'always');
  await recovered('durable');
});

test('everysec is taken when it is asked for by name, and then /readyz says what it may cost', async () => {
  await system.redis.config('SET', 'appendfsync', 'everysec');
  await system.process('ingest').stop();
  await system.startIngest({ REDIS_FSYNC: 'everysec' });
  await recovered('everysec');
  const ready = await system.get('/readyz');
  assert.equal(ready.status, 200);
  assert.match(ready.json.dependencies.redis, /^ok: .*a power failure may lose/);
  await system.redis.config('SET', 'appendfsync', 'always');
  await system.process('ingest').stop();
  await system.startIngest();
  await recovered('always');
});

test('a Redis that answers and takes no write is not ready', async () => {
  await system.redis.config('SET', 'maxmemory', '1');
  await eventually('not ready', async () => {
    const { status, json: ready } = await system.get('/readyz');
    return status === 503 && /rejected a write/.test(ready.dependencies.redis);
  });
  isProblem(await system.post(json({ message_id: 'full' })), 503);
  await system.redis.config('SET', 'maxmemory', '0');
  await recovered('room again');
});

async function recovered(id: string): Promise<void> {
  const deadline = performance.now() + 5_000;
  while ((await system.post(json({ message_id: id }))).status !== 200)
    assert.ok(performance.now() < deadline, id);
  const found = async () => (await system.get(`/messages/${encodeURIComponent(id)}`)).status === 200;
  while (!(await found())) assert.ok(performance.now() < deadline + 10_000, id);
}

test('without a token, a page whose name was made to lead here reaches nothing that is for readers', async () => {
  const ingest = Number(new URL(system.origin).port);
  const writer = await system.process('writer').port();
  const ask = (port: number, method: string, path: string, host: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const asked = httpRequest({ host: '127.0.0.1', port, method, path, headers: { host } }, (res) => {
        res.resume();
        resolve(res.statusCode);
      });
      asked.on('error', reject);
      asked.end();
    });
  assert.equal(await ask(ingest, 'GET', '/messages', `evil.example:${ingest}`), 403);
  assert.equal(await ask(writer, 'DELETE', '/dead-letters/1', `evil.example:${writer}`), 403);
  for (const port of [ingest, writer]) {
    assert.equal(await ask(port, 'GET', '/metrics/process', `evil.example:${port}`), 403);
    assert.equal(await ask(port, 'GET', '/metrics/process', `localhost:${port}`), 200);
  }
  assert.equal(await ask(ingest, 'GET', '/messages', `localhost:${ingest}`), 200);
  assert.equal(await ask(writer, 'DELETE', '/dead-letters/1', `localhost:${writer}`), 404);
});
