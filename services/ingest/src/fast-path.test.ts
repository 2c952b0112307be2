import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { builtInSource } from '@lyftr/sources/open';
import type { Verdict } from '@lyftr/sources/source';
import type { Intake } from './intake.js';
import { readPlainRequest } from './plain-request.js';
import { answersIn, bodyOf, BYTES_MAX, exchange, OK, requestOf, startIngest } from './testing.js';

let ingest: Awaited<ReturnType<typeof startIngest>>;
before(async () => {
  ingest = await startIngest();
});
after(() => ingest.close());

test('a plain delivery is answered like one that node:http received', async () => {
  const request = Buffer.from(requestOf(bodyOf('1')));
  assert.ok(
    readPlainRequest(request, new Map([['/webhook', { headers: ['x-signature'] }]])),
    'would not be the fast path',
  );
  assert.deepEqual(answersIn(await exchange(ingest.port, [request])), [OK]);
  assert.deepEqual(answersIn(await exchange(ingest.port, [request.subarray(0, 10), request.subarray(10)])), [
    OK,
  ]);
});

test('requests that are sent without waiting are answered each, in order', async () => {
  ingest.taken.length = 0;
  const ids = Array.from({ length: 200 }, (_, i) => `pipe-${i}`);
  const received = await exchange(ingest.port, [
    Buffer.from(ids.map((id) => requestOf(bodyOf(id))).join('')),
  ]);
  assert.deepEqual(
    answersIn(received),
    ids.map(() => OK),
  );
  assert.deepEqual(ingest.taken, ids);
});

test('other connections have their turn between requests that one sends at once', async (t) => {
  let turn = 0;
  let isOver = false;
  const count = (): void => {
    turn++;
    if (!isOver) setImmediate(count);
  };
  const turns: number[] = [];
  const verify = (): Verdict => {
    turns.push(turn);
    return { reason: 'wrong' };
  };
  const refusing = await startIngest({ builtIn: { ...builtInSource('any', undefined), verify } });
  t.after(() => refusing.close());
  count();
  await exchange(refusing.port, [requestOf('{}').repeat(200)]);
  isOver = true;
  assert.equal(turns.length, 200);
  // a request that arrives in two packets may fall into the turn of the one in front of it
  assert.ok(new Set(turns).size >= 100, `200 requests in ${new Set(turns).size} turns`);
});

test('the head of a request is looked at once, in however many packets its body comes', async (t) => {
  let looks = 0;
  class Counting extends Map<string, Intake<string>> {
    override get(path: string): Intake<string> | undefined {
      looks++;
      return super.get(path);
    }
  }
  const counted = await startIngest({ makeIntakes: (intakes) => new Counting(intakes) });
  t.after(() => counted.close());
  const request = Buffer.from(requestOf(bodyOf('looks', { x: 'y'.repeat(1_000) })));
  const start = request.indexOf('\r\n\r\n') + 4;
  const offsets = [0, ...Array.from({ length: 20 }, (_, i) => start + 40 * i)];
  const pieces = offsets.map((at, i) => request.subarray(at, offsets[i + 1]));
  assert.deepEqual(answersIn(await exchange(counted.port, pieces)), [OK]);
  assert.equal(looks, 1);
});

test('a body of exactly the limit is taken, and one byte more refused, as by node:http', async (t) => {
  const byNode = await startIngest({ withFastPath: false });
  t.after(() => byNode.close());
  const fill = (bytes: number): string =>
    bodyOf('edge', { x: 'y'.repeat(bytes - bodyOf('edge', { x: '' }).length) });
  for (const { port } of [ingest, byNode]) {
    assert.deepEqual(answersIn(await exchange(port, [requestOf(fill(BYTES_MAX))])), [OK]);
    assert.match(await exchange(port, [requestOf(fill(BYTES_MAX + 1))]), /^HTTP\/1\.1 413 /);
  }
});

test('a body that comes late is taken, and one that stays away is left to node:http', async () => {
  const request = Buffer.from(requestOf(bodyOf('late')));
  const cut = request.length - 10;
  const pieces = [request.subarray(0, cut), request.subarray(cut)];
  assert.deepEqual(answersIn(await exchange(ingest.port, pieces, 50)), [OK]);
  assert.deepEqual(answersIn(await exchange(ingest.port, pieces, 1_500)), [OK]);
});

test('a body in many packets is taken, with what comes behind it', async () => {
  ingest.taken.length = 0;
  const [first, second] = [
    requestOf(bodyOf('in-parts', { x: 'y'.repeat(1_000) })),
    requestOf(bodyOf('behind')),
  ];
  const bytes = Buffer.from(first + second);
  const start = bytes.indexOf('\r\n\r\n') + 4;
  const offsets = [0, ...Array.from({ length: 60 }, (_, i) => start + 17 * i)];
  const pieces = offsets.map((at, i) => bytes.subarray(at, offsets[i + 1]));
  assert.deepEqual(answersIn(await exchange(ingest.port, pieces)), [OK, OK]);
  assert.deepEqual(ingest.taken, ['in-parts', 'behind']);
});

test('nothing is answered before the acknowledgement, and the sender that left costs nothing', async () => {
  const release = ingest.holdAcknowledgements();
  ingest.taken.length = 0;
  const gone = connect(ingest.port, '127.0.0.1');
  gone.write(requestOf(bodyOf('gone')));
  while (ingest.coalescer.pendingBytes() === 0) await delay(5);
  let early = '';
  const waits = connect(ingest.port, '127.0.0.1');
  waits.on('data', (chunk) => (early += chunk.toString()));
  const bytesOfGone = ingest.coalescer.pendingBytes();
  waits.write(requestOf(bodyOf('waits')));
  while (ingest.coalescer.pendingBytes() === bytesOfGone) await delay(5);
  gone.destroy();
  await delay(50);
  assert.equal(early, '');
  release();
  await ingest.coalescer.idle();
  while (early === '') await delay(5);
  waits.destroy();
  assert.match(early, /^HTTP\/1\.1 200 /);
  assert.deepEqual(ingest.taken.toSorted(), ['gone', 'waits']);
});

const plain = (id: string): string => requestOf(bodyOf(id));
const notPlain = (id: string): string => requestOf(bodyOf(id), ['TE: trailers']);
const last = (id: string): string => requestOf(bodyOf(id), ['Connection: close']);

for (const [what, sent, answers] of [
  ['one plain request', plain('a'), [OK]],
  ['one that is not plain', notPlain('a'), [OK]],
  [
    'some of both',
    plain('a') + plain('b') + notPlain('c') + plain('d') + notPlain('e'),
    [OK, OK, OK, OK, OK],
  ],
  ['a last request, and bytes behind it', last('a') + plain('b'), [`${OK} and ends`]],
] as const) {
  test(`a sender that ends its stream before it is answered gets its answers: ${what}`, async () => {
    const release = ingest.holdAcknowledgements();
    const received = exchange(ingest.port, [sent]);
    await delay(100);
    release();
    assert.deepEqual(answersIn(await received), answers);
  });
}

test('a request that is cut off is refused behind the answers in front of it', async () => {
  for (const request of [plain, notPlain]) {
    const release = ingest.holdAcknowledgements();
    const received = exchange(ingest.port, [request('a') + request('b').slice(0, -5)]);
    await delay(100);
    release();
    const answers = answersIn(await received);
    assert.equal(answers.length, 2);
    assert.equal(answers[0], OK);
    assert.match(answers[1] as string, /^400 .*bad-request.* and ends$/);
  }
});

test('a sender that does not read its answers is not read from either', { timeout: 300_000 }, async () => {
  const accepted = once(ingest.server, 'connection') as Promise<[Socket]>;
  const sender = connect({ port: ingest.port, host: '127.0.0.1', noDelay: true });
  const [socket] = await accepted;
  sender.pause();
  // in packets of whole requests, which stay on the fast path
  const packet = 'POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}'.repeat(200);
  let sentBytes = 0;
  const isRead = () => socket.bytesRead === sentBytes;
  // their answers are more than twice what the kernel keeps of them
  for (let packets = 0; packets < 150 && isRead(); packets++) {
    sender.write(packet);
    sentBytes += packet.length;
    for (let polls = 0; polls < 100 && !isRead(); polls++) await delay(5);
  }
  const keptBytes = socket.writableLength;
  let answers = 0;
  sender.on('data', (chunk) => (answers += chunk.toString('latin1').split('}').length - 1));
  sender.resume();
  sender.end();
  await once(sender, 'close');
  assert.ok(keptBytes < 256 * 1024, `${keptBytes} bytes of answers were kept`);
  assert.equal(answers, (sentBytes / packet.length) * 200);
});
