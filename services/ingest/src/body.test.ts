import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createUnverified, type Unverified } from './body.js';
import { answersIn, bodyOf, BYTES_MAX, exchange, OK, requestOf, startIngest } from './testing.js';

const ROOM_BYTES = 10_000;

let unverified: Unverified;
let ingest: Awaited<ReturnType<typeof startIngest>>;
beforeEach(async () => {
  unverified = bounded(ROOM_BYTES);
  ingest = await startIngest({ unverified });
});
afterEach(() => ingest.close());

/** A bound that stays what it is. */
const bounded = (bytes: number): Unverified => ({ ...createUnverified(bytes), makeRoomFor() {} });

/** True when so much can still be kept. */
function hasRoom(room: Unverified, bytes: number): boolean {
  if (!room.take(bytes)) return false;
  room.give(bytes);
  return true;
}
const isEmpty = (): boolean => hasRoom(unverified, ROOM_BYTES);

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(5);
}

interface Sender {
  socket: Socket;
  received: () => string;
}

function begin(bytes: string): Sender {
  const socket = connect(ingest.port, '127.0.0.1');
  let received = '';
  socket.on('data', (chunk) => (received += chunk.toString('latin1')));
  socket.on('error', () => {});
  socket.write(bytes);
  return { socket, received: () => received };
}

/** Unsigned, for the fast path or for node:http, and without the last of its bytes. */
const half = (bytes: number, headers = ''): string =>
  `POST /webhook HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${bytes}\r\n\r\n${'x'.repeat(bytes - 1)}`;
const NOT_PLAIN = 'TE: trailers\r\n';

for (const [path, headers] of [
  ['on node:http', NOT_PLAIN],
  ['on the fast path', ''],
] as const) {
  test(`bodies that are not complete have a bound together, and 503 beyond it: ${path}`, async () => {
    const senders = Array.from({ length: 20 }, () => begin(half(1_500, headers)));
    const refused = () => senders.filter(({ received }) => received() !== '');
    await until(() => refused().length >= 14);
    for (const { received } of refused()) {
      assert.match(received(), /^HTTP\/1\.1 503 [^]*\r\nretry-after: 1\r\n[^]*urn:lyftr:problem:too-busy/i);
    }
    // those that have a place keep it
    const kept = senders.filter((sender) => !refused().includes(sender));
    assert.ok(kept.length > 0);
    // what arrives whole needs no place
    assert.deepEqual(answersIn(await exchange(ingest.port, [requestOf(bodyOf('whole'))])), [OK]);
    assert.deepEqual(answersIn(await exchange(ingest.port, [requestOf(bodyOf('w2'), ['TE: trailers'])])), [
      OK,
    ]);
    for (const { socket } of kept) socket.write('x');
    await until(() => kept.every(({ received }) => received().startsWith('HTTP/1.1 401 ')));
    assert.ok(isEmpty());
    for (const { socket } of senders) socket.destroy();
  });
}

test('bytes are counted as long as they are kept, however a request ends', async () => {
  const chunked = `POST /webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`;
  const tooMuch = `${BYTES_MAX.toString(16)}\r\n${'x'.repeat(BYTES_MAX)}\r\n1\r\nx\r\n`;
  const requests = [half(1_000), half(1_000, NOT_PLAIN), `${chunked}3\r\nabc\r\n`];
  for (const request of requests) {
    const { socket } = begin(request);
    await until(() => !isEmpty());
    socket.destroy();
    await until(isEmpty);
  }
  assert.match(await exchange(ingest.port, [chunked + tooMuch]), /^HTTP\/1\.1 413 /);
  assert.ok(isEmpty());
  assert.match(await exchange(ingest.port, [`${chunked}3\r\nabc\r\nnonsense`]), /^HTTP\/1\.1 400 /);
  await until(isEmpty);
});

test('a body in pieces of one byte keeps no more than itself', async () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const keptBytes = (): number => {
    gc();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const BYTES = 200_000;
  const room = bounded(2 * BYTES);
  const large = await startIngest({ bytesMax: BYTES, unverified: room });
  const before = keptBytes();
  const socket = connect(large.port, '127.0.0.1');
  socket.write('POST /webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  socket.write('1\r\nx\r\n'.repeat(BYTES));
  await until(() => !hasRoom(room, BYTES + 1) && socket.writableLength === 0);
  const kept = keptBytes() - before;
  assert.ok(kept < 25 * BYTES, `${kept} bytes are kept for a body of ${BYTES}`);
  socket.destroy();
  await large.close();
});

test('a sender of too much reads its answer, although it writes on', async () => {
  const socket = connect(ingest.port, '127.0.0.1');
  let error: Error | undefined;
  socket.on('error', (cause) => (error = cause));
  socket.pause();
  const bytes = 900_000;
  socket.write(`POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes}\r\n\r\n`);
  for (let sent = 0; sent < bytes; sent += 10_000) {
    if (!socket.write('x'.repeat(10_000))) await Promise.race([once(socket, 'drain'), delay(1_000)]);
    await delay(1);
  }
  let received = '';
  socket.on('data', (chunk) => (received += chunk.toString('latin1')));
  socket.resume();
  await once(socket, 'end');
  assert.equal(error, undefined);
  assert.match(received, /^HTTP\/1\.1 413 [^]*connection: close/i);
  socket.destroy();
});
