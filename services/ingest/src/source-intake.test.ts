/** `POST /webhook/{source}`: every scheme, every answer, and every byte. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { SourceDelivery } from '@lyftr/shared/batch';
import { SCHEME_NAMES, type SchemeName } from '@lyftr/sources/source';
import { TIMED } from '@lyftr/sources/testing';
import { answersIn, bodyOf, exchange, OK, requestOf, startIngest } from './testing.js';
import { bytesOf, send, senderOf, signedBy, type SentChanges } from './testing-sources.js';

const MIB = 1024 * 1024;

let ingest: Awaited<ReturnType<typeof startIngest>>;
let full: { reason: string; retryAfterSeconds: number } | undefined;
before(async () => {
  ingest = await startIngest({
    bytesMax: MIB,
    full: () => full,
    senders: [
      ...SCHEME_NAMES.map((scheme) => senderOf(scheme)),
      senderOf('github', { name: 'small', bytesMax: 1_024 }),
      senderOf('token', { name: 'kept', headers: ['X-Kept', 'X-Absent', 'X-Request-Id'] }),
      senderOf('token', { name: 'by-header', dedup: { header: 'Idempotency-Key' } }),
    ],
  });
});
after(() => ingest.close());
beforeEach(() => {
  full = undefined;
});

const bodyIn = ({ body, encoding }: SourceDelivery): Buffer => Buffer.from(body, encoding ?? 'utf8');

/** The delivery that the request has become. */
async function accepted(scheme: SchemeName, changes: SentChanges = {}): Promise<SourceDelivery> {
  const count = ingest.deliveries().length;
  const { status, body } = await send(ingest.port, signedBy(scheme, changes));
  assert.ok(status === 200 || status === 204, `${status} ${body}`);
  const deliveries = ingest.deliveries();
  assert.equal(deliveries.length, count + 1);
  return deliveries.at(-1) as SourceDelivery;
}

const ANSWERS: Partial<Record<SchemeName, [status: number, type: string | undefined, body: string]>> = {
  slack: [200, undefined, ''],
  twilio: [200, 'text/xml', '<Response/>'],
  discord: [204, undefined, ''],
};

for (const scheme of SCHEME_NAMES) {
  test(`${scheme}: a delivery is accepted, and answered as its provider expects`, async () => {
    const count = ingest.deliveries().length;
    const sentAt = Date.now();
    const sent = signedBy(scheme, { query: '?a=1&b=%2F' });
    const answer = await send(ingest.port, sent);
    const [status, type, body] = ANSWERS[scheme] ?? [200, 'application/json', '{"status":"ok"}'];
    assert.deepEqual([answer.status, answer.header('content-type'), answer.body], [status, type, body]);
    assert.equal(answer.header('content-length'), status === 204 ? undefined : String(body.length));
    assert.ok(answer.header('x-request-id'));
    const deliveries = ingest.deliveries();
    assert.equal(deliveries.length, count + 1);
    const delivery = deliveries.at(-1) as SourceDelivery;
    assert.ok(bodyIn(delivery).equals(sent.body));
    assert.ok(delivery.verifiedAt >= sentAt && delivery.verifiedAt <= Date.now());
    assert.match(delivery.id, /^.{1,255}$/);
    const { source, key, contentType, encoding } = delivery;
    assert.deepEqual(
      { source, scheme: delivery.scheme, key, contentType, encoding },
      { source: scheme, scheme, key: 'main', contentType: 'application/json', encoding: undefined },
    );
    assert.equal(delivery.signedAt === undefined, !TIMED.has(scheme));
    // nothing of the signature goes further
    const signatures = sent.headers.slice(1).filter(([name]) => !KEPT_IDS.has(name));
    const stored = JSON.stringify(delivery);
    for (const [name, value] of signatures) assert.ok(!stored.includes(value) || /time/.test(name), name);
  });
}
const KEPT_IDS = new Set(['webhook-id', 'x-github-delivery', 'x-shopify-webhook-id', 'linear-delivery']);

describe('bytes', () => {
  const samples: [what: string, body: Buffer, isText: boolean][] = [
    ['nothing', Buffer.alloc(0), true],
    ['text', Buffer.from('ä\u0000€😀\u2028\ufeff"\\\n'), true],
    ['text with a byte order mark', Buffer.from('\ufeff{}'), true],
    ['binary', randomBytes(10_000), false],
    ['every byte', Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), false],
    ['NUL', Buffer.alloc(1_000), true],
    ['half of a surrogate pair', Buffer.from([0xed, 0xa0, 0x80]), false],
    ['a character in too many bytes', Buffer.from([0xc0, 0xaf]), false],
    ['a cut character', Buffer.from([0x61, 0xe2, 0x82]), false],
    ['3 MB', Buffer.from(JSON.stringify({ id: 'a', text: 'ü'.repeat(1.5e6) })), true],
  ];
  for (const [what, body, isText] of samples) {
    test(`${what} arrives as it was sent`, async () => {
      const delivery = await accepted('github', { body, contentType: 'any thing' });
      assert.ok(bodyIn(delivery).equals(body));
      assert.equal(delivery.encoding, isText ? undefined : 'base64');
      assert.equal(delivery.contentType, 'any thing');
    });
  }

  test('a body of exactly the limit of its source is taken, and one byte more refused', async () => {
    const body = Buffer.from(`{"a":"${'x'.repeat(25 * MIB - 8)}"}`);
    assert.equal(body.length, 25 * MIB);
    const delivery = await accepted('github', { body });
    assert.ok(bodyIn(delivery).equals(body));
    const larger = signedBy('github', { body: Buffer.concat([body, Buffer.from(' ')]) });
    assert.equal((await send(ingest.port, larger)).status, 413);
    for (const [scheme, bytes] of [
      ['meta', 4 * MIB],
      ['stripe', MIB],
    ] as const) {
      await accepted(scheme, { body: Buffer.alloc(bytes, 'x') });
      const refused = await send(ingest.port, signedBy(scheme, { body: Buffer.alloc(bytes + 1, 'x') }));
      assert.deepEqual([refused.status, /body-too-large/.test(refused.body)], [413, true]);
    }
    const small = signedBy('github', { name: 'small', body: Buffer.alloc(1_025) });
    assert.equal((await send(ingest.port, small)).status, 413);
  });

  test('a body without a length, in chunks, is one too', async () => {
    const { target, headers, body } = signedBy('github');
    const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const received = await exchange(ingest.port, [
      `POST ${target} HTTP/1.1\r\nHost: x\r\n${head}Transfer-Encoding: chunked\r\n\r\n`,
      `5\r\n${body.toString('latin1', 0, 5)}\r\n`,
      Buffer.concat([
        Buffer.from(`${(body.length - 5).toString(16)}\r\n`),
        body.subarray(5),
        Buffer.from('\r\n0\r\n\r\n'),
      ]),
    ]);
    assert.match(received, /^HTTP\/1\.1 200 /);
    assert.ok(bodyIn(ingest.deliveries().at(-1) as SourceDelivery).equals(body));
  });
});

test('headers that the source keeps go with the delivery, each with one value, and no others', async () => {
  const sent = signedBy('token', { name: 'kept' });
  sent.headers.push(
    ['X-KEPT', 'one'],
    ['x-kept', 'two'],
    ['x-other', 'no'],
    ['cookie', 'no'],
    ['x-request-id', 'given'],
  );
  assert.equal((await send(ingest.port, sent)).status, 200);
  const { headers } = ingest.deliveries().at(-1) as SourceDelivery;
  assert.deepEqual(headers, { 'x-kept': 'one, two', 'x-request-id': 'given' });
});

test('the id of a delivery is its provider’s, or the SHA-256 of its body', async () => {
  const sha256 = (body: Buffer): string => createHash('sha256').update(body).digest('hex');
  const github = signedBy('github');
  await send(ingest.port, github);
  assert.equal(ingest.deliveries().at(-1)?.id, Object.fromEntries(github.headers)['x-github-delivery']);
  const token = signedBy('token', { name: 'by-header' });
  await send(ingest.port, token);
  assert.equal(ingest.deliveries().at(-1)?.id, sha256(token.body));
  await send(ingest.port, { ...token, headers: [...token.headers, ['Idempotency-Key', 'k-1']] });
  assert.equal(ingest.deliveries().at(-1)?.id, 'k-1');
});

test('a handshake is answered behind its signature, and not stored', async () => {
  const count = ingest.taken.length;
  const slack = Buffer.from('{"type":"url_verification","challenge":"ä\\"b"}');
  const zoom = Buffer.from('{"event":"endpoint.url_validation","payload":{"plainToken":"p"}}');
  const answers = [];
  full = { reason: 'full', retryAfterSeconds: 1 };
  for (const [scheme, body] of [
    ['slack', slack],
    ['zoom', zoom],
    ['discord', Buffer.from('{"type":0}')],
  ] as const) {
    const { status, body: text } = await send(ingest.port, signedBy(scheme, { body }));
    answers.push([
      status,
      Buffer.from(text, 'latin1')
        .toString('utf8')
        .replace(/[0-9a-f]{64}/, 'MAC'),
    ]);
    const unsigned = signedBy(scheme, { body });
    unsigned.headers = unsigned.headers.slice(0, 1);
    assert.equal((await send(ingest.port, unsigned)).status, 401);
  }
  assert.deepEqual(answers, [
    [200, '{"challenge":"ä\\"b"}'],
    [200, '{"plainToken":"p","encryptedToken":"MAC"}'],
    [204, ''],
  ]);
  assert.equal(ingest.taken.length, count);
  const page = await ingest.registry.metrics();
  for (const scheme of ['slack', 'zoom', 'discord'])
    assert.match(page, new RegExp(`^webhook_total\\{status="handshake",source="${scheme}"\\} 1$`, 'm'));
});

test('a queue without room is 503 with the time to wait, and only to who has signed', async () => {
  full = { reason: 'too much', retryAfterSeconds: 7 };
  const { status, body, header } = await send(ingest.port, signedBy('github'));
  assert.deepEqual([status, header('retry-after')], [503, '7']);
  assert.match(body, /queue-unavailable/);
  const unsigned = signedBy('github');
  unsigned.headers = [];
  assert.equal((await send(ingest.port, unsigned)).status, 401);
});

test('nothing is answered before Redis has the delivery, and its id goes through the queue', async () => {
  const release = ingest.holdAcknowledgements();
  let isAnswered = false;
  const sent = signedBy('github');
  sent.headers.push(['x-request-id', 'given-id']);
  const answer = send(ingest.port, sent).then((each) => {
    isAnswered = true;
    return each;
  });
  while (ingest.coalescer.pendingBytes() === 0) await new Promise(setImmediate);
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
  assert.equal(isAnswered, false);
  release();
  const { status, header } = await answer;
  assert.deepEqual([status, header('x-request-id')], [200, 'given-id']);
});

test('requests to both kinds of routes on one connection are answered in order', async () => {
  ingest.taken.length = 0;
  const ofSource = (id: string): Buffer => {
    const sent = signedBy('github');
    sent.headers = sent.headers.filter(([name]) => name !== 'x-github-delivery');
    return bytesOf({ ...sent, headers: [...sent.headers, ['X-GitHub-Delivery', id]] });
  };
  const message = (id: string): Buffer => Buffer.from(requestOf(bodyOf(id)));
  const forged = bytesOf({ ...signedBy('stripe'), headers: [] });
  const rounds = Array.from({ length: 20 }, (_, i) => [
    message(`m${i}`),
    message(`n${i}`),
    ofSource(`s${i}`),
    forged,
    message(`o${i}`),
  ]);
  const answers = answersIn(await exchange(ingest.port, [Buffer.concat(rounds.flat())]));
  const statuses = answers.map((answer) => answer.slice(0, 3));
  assert.deepEqual(
    statuses,
    rounds.flatMap(() => ['200', '200', '200', '401', '200']),
  );
  assert.equal(answers[0], OK);
  assert.deepEqual(
    ingest.taken,
    rounds.flatMap((_, i) => [`m${i}`, `n${i}`, `s${i}`, `o${i}`]),
  );
});

test('deliveries are counted by source, outcome and key', async () => {
  const own = await startIngest({ senders: [senderOf('github'), senderOf('stripe')] });
  const zero = await own.registry.metrics();
  for (const line of [
    'webhook_total{status="invalid_signature",source="github"} 0',
    'webhook_total{status="handshake",source="stripe"} 0',
    'webhook_rejected_total{source="stripe",reason="time"} 0',
    'webhook_key_used_total{source="github",key="main"} 0',
  ])
    assert.ok(zero.split('\n').includes(line), line);
  await send(own.port, signedBy('github'));
  await send(own.port, { ...signedBy('github'), headers: [] });
  await send(own.port, { ...signedBy('stripe'), body: Buffer.from('{}') });
  await exchange(own.port, [requestOf('{}')]);
  await own.close();
  const page = (await own.registry.metrics()).split('\n');
  for (const line of [
    'webhook_total{status="invalid_payload"} 1',
    'webhook_total{status="invalid_signature"} 0',
    'webhook_total{status="invalid_signature",source="github"} 1',
    'webhook_total{status="invalid_signature",source="stripe"} 1',
    'webhook_rejected_total{source="github",reason="missing"} 1',
    'webhook_rejected_total{source="stripe",reason="wrong"} 1',
    'webhook_key_used_total{source="github",key="main"} 1',
    'ingest_ack_seconds_count 1',
    'http_request_duration_seconds_count{service="ingest",route="/webhook/:source",method="POST",code="200"} 1',
    'http_request_duration_seconds_count{service="ingest",route="/webhook/:source",method="POST",code="401"} 2',
  ])
    assert.ok(page.includes(line), line);
});
