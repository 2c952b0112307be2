/** `POST /deliveries`: what was verified before comes in again, from who has the secret. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { builtInSigner } from '@lyftr/sources/open';
import { startIngest } from './testing.js';
import { send, senderOf } from './testing-sources.js';

const BYTES_MAX = 2_000;
const MIB = 1024 * 1024;
const sign = builtInSigner('secret');

let ingest: Awaited<ReturnType<typeof startIngest>>;
before(async () => {
  ingest = await startIngest({ bytesMax: BYTES_MAX });
});
after(() => ingest.close());
beforeEach(() => {
  ingest.taken.length = 0;
});

const post = (
  value: unknown,
  { port = ingest.port, contentType = 'application/json' }: { port?: number; contentType?: string } = {},
) => {
  const body = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value));
  const headers: [string, string][] = [['content-type', contentType], ...Object.entries(sign({ body }))];
  return send(port, { method: 'POST', target: '/deliveries', headers, body });
};

const sent = (changes: object = {}): object => ({
  source: 'shop',
  scheme: 'shopify',
  key: '2026-11',
  id: 'd-1',
  verified_at: '2026-11-25T10:00:00.123Z',
  content_type: 'application/json',
  headers: { 'x-shopify-topic': 'orders/create' },
  body: '{"id": 9007199254740993}\n',
  ...changes,
});

test('a delivery goes into the queue as it was verified', async () => {
  const { status, body, header } = await post(sent());
  assert.deepEqual(
    [status, body, header('content-type')],
    [200, '{"status":"ok","accepted":1}', 'application/json'],
  );
  assert.deepEqual(ingest.deliveries().at(-1), {
    source: 'shop',
    scheme: 'shopify',
    key: '2026-11',
    id: 'd-1',
    verifiedAt: Date.UTC(2026, 10, 25, 10, 0, 0, 123),
    contentType: 'application/json',
    headers: { 'x-shopify-topic': 'orders/create' },
    body: '{"id": 9007199254740993}\n',
  });
});

test('an array is taken as a whole, with all that a delivery can have', async () => {
  const bytes = Buffer.from([0, 0xff, 0xfe]);
  const { status, body } = await post([
    sent({ signed_at: '2026-11-25T11:00:00+01:00', imported: true }),
    sent({ id: 'd-2', body: undefined, body_base64: bytes.toString('base64') }),
    sent({ id: 'd-3', body: undefined, body_base64: Buffer.from('text').toString('base64') }),
    sent({ id: 'd-4', body: '', content_type: '', headers: {}, imported: false }),
  ]);
  assert.deepEqual([status, body], [200, '{"status":"ok","accepted":4}']);
  const [first, second, third, fourth] = ingest.deliveries().slice(-4);
  assert.deepEqual([first?.signedAt, first?.imported], [Date.UTC(2026, 10, 25, 10), true]);
  assert.deepEqual([second?.body, second?.encoding], [bytes.toString('base64'), 'base64']);
  assert.deepEqual([third?.body, third?.encoding], ['text', undefined]);
  assert.deepEqual([fourth?.body, fourth?.contentType, fourth?.imported], ['', '', undefined]);
  assert.deepEqual(await post([]).then((answer) => answer.body), '{"status":"ok","accepted":0}');
});

for (const [what, changes, path] of [
  ['a source', { source: 'Shop' }, '/source'],
  ['the route of batches', { source: 'batch' }, '/source'],
  ['a source that ends with a hyphen', { source: 'shop-' }, '/source'],
  ['a scheme', { scheme: 'paypal' }, '/scheme'],
  ['a key', { key: 'a b' }, '/key'],
  ['an empty id', { id: '' }, '/id'],
  ['no id', { id: undefined }, '/id'],
  ['half of a surrogate pair', { id: '\ud800' }, '/id'],
  ['a time', { verified_at: '2026-11-25' }, '/verified_at'],
  ['a time that there is not', { signed_at: '2026-13-25T10:00:00Z' }, '/signed_at'],
  ['a number as a time', { verified_at: 1 }, '/verified_at'],
  ['a header', { headers: { a: 1 } }, '/headers/a'],
  ['the name of a header', { headers: { 'A b': 'x' } }, '/headers'],
  ['no body', { body: undefined }, '/body'],
  ['two bodies', { body_base64: 'AA==' }, '/body'],
  ['base64', { body: undefined, body_base64: 'AA=' }, '/body_base64'],
  ['half of a surrogate pair in a body', { body: '\udc00' }, '/body'],
  ['a member', { sha256: 'x' }, ''],
] as const) {
  test(`what is wrong is named, and nothing is taken: ${what}`, async () => {
    for (const [value, prefix] of [
      [sent(changes), ''],
      [[sent(), sent(changes), sent()], '/1'],
    ] as const) {
      const { status, body } = await post(value);
      assert.equal(status, 422, body);
      const { errors } = JSON.parse(body) as { errors: { path: string; message: string }[] };
      assert.ok(
        errors.some((error) => error.path === prefix + path),
        body,
      );
      // "must not contain NUL" is what a pattern means elsewhere
      assert.doesNotMatch(body, /NUL|format/);
    }
    assert.deepEqual(ingest.taken, []);
  });
}

test('the rest is as it is for a batch of messages', async () => {
  assert.equal((await post(Buffer.from('{'))).status, 400);
  assert.equal((await post(Buffer.from([0xff]))).status, 400);
  assert.equal((await post('a')).status, 422);
  assert.equal((await post(sent(), { contentType: 'text/plain' })).status, 415);
  const body = Buffer.from(JSON.stringify(sent()));
  const headers: [string, string][] = [['content-type', 'application/json']];
  const unsigned = await send(ingest.port, { method: 'POST', target: '/deliveries', headers, body });
  assert.equal(unsigned.status, 401);
  assert.match(unsigned.body, /x-signature/);
});

test('a delivery of the largest size comes through, written as JSON', async (t) => {
  const largest = BYTES_MAX * 2 + 64 * 1024;
  const fill = (bytes: number) => {
    const empty = JSON.stringify(sent({ body: '' })).length;
    return sent({ body: 'x'.repeat(bytes - empty) });
  };
  assert.equal((await post(fill(largest))).status, 200);
  assert.equal((await post(fill(largest + 1))).status, 413);
  // quotes take twice their bytes
  const list = [senderOf('github', { bytesMax: 3 * MIB })];
  const own = await startIngest({ senders: list });
  t.after(() => own.close());
  assert.equal((await post(sent({ body: '"'.repeat(3 * MIB) }), { port: own.port })).status, 200);
});
