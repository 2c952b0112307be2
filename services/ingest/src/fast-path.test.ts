import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { closeServer, listen } from '@lyftr/shared/http';
import { createLogger } from '@lyftr/shared/log';
import { Registry } from 'prom-client';
import { createIngestServer } from './app.js';
import { createCoalescer } from './coalesce.js';
import { createIntakeMetrics } from './observe.js';
import { readPlainRequest } from './plain-request.js';
import { createVerifier } from './verify.js';

const SECRET = 'secret';
const MAX_BODY_BYTES = 2_000;
const log = createLogger('test', 'silent');
const taken: string[] = [];
let acknowledge: Promise<void> = Promise.resolve();
const coalescer = createCoalescer(async (messages) => {
  await acknowledge;
  taken.push(...messages.map(([id]) => id));
});
const { server, fastPath } = createIngestServer({
  verify: createVerifier([SECRET]),
  full: () => undefined,
  coalescer,
  metrics: createIntakeMetrics(new Registry(), log),
  maxBodyBytes: MAX_BODY_BYTES,
  redisState: () => Promise.resolve('ok'),
  forward: undefined,
  registry: new Registry(),
  token: undefined,
  log,
});
let port: number;
before(async () => {
  port = await listen(server, 0, '127.0.0.1');
});
after(() => closeServer(server, () => fastPath.closeIdle()));

const sign = (body: string) => createHmac('sha256', SECRET).update(body).digest('hex');
const bodyOf = (id: string, extra: object = {}) =>
  JSON.stringify({ message_id: id, from: 'a', to: 'b', ts: 1, ...extra });

function requestOf(body: string, headers: string[] = [], line = 'POST /webhook HTTP/1.1'): string {
  const all = ['Host: x', 'Content-Type: application/json', `x-signature: ${sign(body)}`];
  return `${[line, ...all, `Content-Length: ${Buffer.byteLength(body)}`, ...headers].join('\r\n')}\r\n\r\n${body}`;
}

/** Writes the pieces one after another, half-closes, and returns all that was answered. */
async function exchange(pieces: Buffer[], pauseMs = 3): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let received = '';
  socket.on('data', (chunk) => (received += chunk.toString('latin1')));
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.on('close', resolve));
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await delay(pauseMs);
    socket.write(piece);
  }
  socket.end();
  await closed;
  return received;
}

const GENERATED = /^[0-9a-f]{10}-[0-9a-z]+$/;

/** Status, content type, body and given id of every answer; what a sender acts on. */
function answersIn(received: string): string[] {
  const answers = [];
  let rest = received;
  for (;;) {
    const head = /^HTTP\/1\.1 (\d+) [^]*?\r\n\r\n/.exec(rest);
    if (head === null) return rest === '' ? answers : [...answers, `rest ${rest}`];
    const length = Number(/content-length: (\d+)/i.exec(head[0])?.[1] ?? 0);
    const type = /content-type: ([^\r]*)/i.exec(head[0])?.[1];
    const ids = [...head[0].matchAll(/^x-request-id: ([^\r]*)/gim)].map(([, id]) => id as string);
    assert.equal(ids.length, 1, head[0]);
    const id = GENERATED.test(ids[0] as string) ? '' : ` ${ids[0]}`;
    answers.push(`${head[1]} ${type} ${rest.slice(head[0].length, head[0].length + length)}${id}`);
    rest = rest.slice(head[0].length + length);
  }
}

const OK = '200 application/json {"status":"ok"}';

test('a plain delivery is answered like one that node:http received', async () => {
  const request = Buffer.from(requestOf(bodyOf('1')));
  assert.ok(readPlainRequest(request, new Map([['/webhook', 0]])), 'would not be the fast path');
  assert.deepEqual(answersIn(await exchange([request])), [OK]);
  assert.deepEqual(answersIn(await exchange([request.subarray(0, 10), request.subarray(10)])), [OK]);
});

const mutation = fc.oneof(
  fc.constantFrom<[string | RegExp, string]>(
    ['HTTP/1.1', 'HTTP/1.0'],
    ['HTTP/1.1', 'HTTP/2.0'],
    [' HTTP/1.1', ''],
    ['POST', 'GET'],
    ['POST', 'post'],
    ['/webhook', '/webhook/batch'],
    ['/webhook', '/webhook?x=1'],
    ['/webhook', '/other'],
    ['/webhook', 'http://x/webhook'],
    ['Host: x\r\n', ''],
    ['Host: x', 'Host: x\r\nhost: y'],
    ['Host: x', 'Host : x'],
    ['Host: x', 'Host: x\r\n folded'],
    ['Host: x', 'Ho\0st: x'],
    ['Host: x', 'Host: \u00e9'],
    ['\r\n', '\n'],
    ['Content-Length: ', 'Content-Length: +'],
    ['Content-Length: ', 'Content-Length: 1\r\nContent-Length: '],
    ['Content-Length: ', 'X-Length: '],
    [/Content-Length: \d+/, 'Content-Length: 0'],
    [/Content-Length: \d+/, 'Content-Length: 5'],
    [/Content-Length: \d+/, 'Content-Length: 2001'],
    [/Content-Length: \d+/, 'Transfer-Encoding: chunked'],
    ['Content-Length: ', 'Transfer-Encoding: chunked\r\nContent-Length: '],
    ['x-signature: ', 'X-SIGNATURE:'],
    ['x-signature: ', 'x-signature: 0'],
    ['x-signature: ', 'y-signature: '],
    ['x-signature: ', 'x-signature: abc\r\nx-signature: '],
    ['Content-Type: application/json', 'Content-Type: text/plain'],
    ['Content-Type: application/json', 'Content-Type: application/json\r\nContent-Type: text/plain'],
    ['Content-Type: application/json', 'Content-Type: constructor'],
    ['Host: x', 'Host: x\r\nConnection: close'],
    ['Host: x', 'Host: x\r\nConnection: keep-alive'],
    ['Host: x', 'Host: x\r\nX-Request-ID: \tgiven.id:1_- '],
    ['Host: x', `Host: x\r\nx-request-id: ${'i'.repeat(129)}`],
    ['Host: x', 'Host: x\r\nx-request-id: not accepted'],
    ['Host: x', 'Host: x\r\nx-request-id: \u00e9'],
    ['Host: x', 'Host: x\r\nx-request-id: a\r\nx-request-id: b'],
    ['Host: x', 'Host: x\r\nx-request-id:'],
    ['Host: x', 'Host: x\r\nExpect: 200-ok'],
    ['Host: x', 'Host: x\r\nUpgrade: h2c\r\nConnection: upgrade'],
    ['Host: x', 'Host: x\r\nno colon'],
    ['Host: x', 'Host: x\r\n: empty'],
    ['"ts":1', '"ts":"1"'],
    ['"ts":1', '"ts":'],
  ),
);

test('how the bytes are cut into packets never changes the answers', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(mutation, { maxLength: 2 }),
      fc.constantFrom(
        '{"message_id":"p","from":"a","to":"b","ts":1}',
        '[]',
        '',
        '{',
        bodyOf('big', { x: 'y'.repeat(1_990) }),
      ),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
      fc.integer({ min: 1, max: 2 }),
      async (mutations, body, cuts, times) => {
        let request = requestOf(body);
        for (const [from, to] of mutations) request = request.replace(from, to);
        const bytes = Buffer.from(request.repeat(times), 'latin1');
        const offsets = [
          0,
          ...cuts.map((cut) => Math.floor(cut * bytes.length)).toSorted((a, b) => a - b),
          bytes.length,
        ];
        const pieces = offsets
          .slice(1)
          .map((end, i) => bytes.subarray(offsets[i], end))
          .filter((piece) => piece.length > 0);
        // one byte first: the head is never complete in the first read, so node:http takes the connection
        const byNode = await exchange([bytes.subarray(0, 1), bytes.subarray(1)]);
        const cut = await exchange(pieces);
        assert.deepEqual(answersIn(cut), answersIn(byNode), JSON.stringify(request));
      },
    ),
    { numRuns: 150 },
  );
});

test('requests that are sent without waiting are answered each, in order', async () => {
  taken.length = 0;
  const ids = Array.from({ length: 200 }, (_, i) => `pipe-${i}`);
  const received = await exchange([Buffer.from(ids.map((id) => requestOf(bodyOf(id))).join(''))]);
  assert.deepEqual(
    answersIn(received),
    ids.map(() => OK),
  );
  assert.deepEqual(taken, ids);
});

test('a body that comes late is taken, and one that stays away is left to node:http', async () => {
  const request = Buffer.from(requestOf(bodyOf('late')));
  const cut = request.length - 10;
  assert.deepEqual(answersIn(await exchange([request.subarray(0, cut), request.subarray(cut)], 50)), [OK]);
  assert.deepEqual(answersIn(await exchange([request.subarray(0, cut), request.subarray(cut)], 1_500)), [OK]);
});

test('nothing is answered before the acknowledgement, and the sender that left costs nothing', async () => {
  let release = (): void => {};
  acknowledge = new Promise((resolve) => (release = resolve));
  taken.length = 0;
  const gone = connect(port, '127.0.0.1');
  gone.write(requestOf(bodyOf('gone')));
  let early = '';
  const waits = connect(port, '127.0.0.1');
  waits.on('data', (chunk) => (early += chunk.toString()));
  waits.write(requestOf(bodyOf('waits')));
  await delay(50);
  gone.destroy();
  await delay(50);
  assert.equal(early, '');
  release();
  acknowledge = Promise.resolve();
  await coalescer.idle();
  while (early === '') await delay(5);
  waits.destroy();
  assert.match(early, /^HTTP\/1\.1 200 /);
  assert.deepEqual(taken.toSorted(), ['gone', 'waits']);
});
