/** What is not signed as its source demands gets one answer, whatever was wrong with it, and nothing else happens. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { builtInSource } from '@lyftr/sources/open';
import { SCHEME_NAMES, type SchemeName, type Source } from '@lyftr/sources/source';
import { otherKeyOf, TIMED } from '@lyftr/sources/testing';
import { startIngest } from './testing.js';
import { longAgo, send, senderOf, signedBy, type Sent } from './testing-sources.js';

const BYTES_MAX = 64 * 1024;

let ingest: Awaited<ReturnType<typeof startIngest>>;
/** The answer to a request without a signature. */
let refused = '';
before(async () => {
  ingest = await startIngest({
    bytesMax: BYTES_MAX,
    senders: SCHEME_NAMES.map((scheme) => senderOf(scheme)),
  });
  refused = (await send(ingest.port, { ...signedBy('github'), headers: [] })).same;
});
after(() => ingest.close());

/** `token` signs nothing: its header is the key. */
const SIGNS_BODY = (scheme: SchemeName): boolean => scheme !== 'token';

const signatureOf = ({ headers }: Sent): [string, string] => {
  const found = headers.slice(1).find(([name]) => !/id$|timestamp$|delivery$/.test(name));
  if (found === undefined) throw new Error('it has no signature');
  return found;
};

function forgeriesOf(scheme: SchemeName): [what: string, sent: Sent][] {
  const sent = signedBy(scheme);
  const [name, value] = signatureOf(sent);
  const withValue = (changed: string): Sent => ({
    ...sent,
    headers: sent.headers.map(([each, old]) => [each, each === name ? changed : old]),
  });
  const others = SCHEME_NAMES.filter((other) => other !== scheme && signatureOf(signedBy(other))[0] !== name);
  const forgeries: [string, Sent][] = [
    ['no headers', { ...sent, headers: [] }],
    ['another key', signedBy(scheme, { pair: otherKeyOf(scheme) })],
    ['doubled', { ...sent, headers: [...sent.headers, [name, value]] }],
    ['doubled, with another', { ...sent, headers: [[name, value.toUpperCase()], ...sent.headers] }],
    ['empty', withValue('')],
    ['cut signature', withValue(value.slice(0, -1))],
    ['two in one', withValue(`${value}, ${value}`)],
    [
      'a signature in the query',
      { ...sent, headers: [], target: `${sent.target}?${name}=${encodeURIComponent(value)}` },
    ],
    ...others.map((other): [string, Sent] => [
      `headers of ${other}`,
      { ...sent, headers: signedBy(other).headers },
    ]),
  ];
  if (SIGNS_BODY(scheme)) {
    forgeries.push(
      ['cut body', { ...sent, body: sent.body.subarray(0, -1) }],
      ['no body', { ...sent, body: Buffer.alloc(0) }],
      ['longer body', { ...sent, body: Buffer.concat([sent.body, Buffer.from('\n')]) }],
    );
    if (scheme !== 'twilio') {
      const again = JSON.stringify(JSON.parse(sent.body.toString()));
      forgeries.push(['written anew', { ...sent, body: Buffer.from(again) }]);
    }
  }
  if (TIMED.has(scheme)) forgeries.push(['old', signedBy(scheme, { nowMs: longAgo() })]);
  return forgeries;
}

for (const scheme of SCHEME_NAMES) {
  test(`${scheme}: every forgery gets the same bytes for an answer`, async () => {
    assert.match(refused, /^HTTP\/1\.1 401 [^]*bad-signature/);
    for (const [what, sent] of forgeriesOf(scheme))
      assert.equal((await send(ingest.port, sent)).same, refused, what);
    assert.deepEqual(ingest.taken, []);
  });
}

const anyScheme = fc.constantFrom(...SCHEME_NAMES);
/** Bytes that an HTTP header can carry. */
const anyValue = fc.oneof(
  fc
    .uint8Array({ maxLength: 100 })
    .map((bytes) =>
      Buffer.from(bytes.map((byte) => (byte < 32 || byte === 127 ? 33 : byte))).toString('latin1'),
    ),
  fc.constantFrom(
    'v0=',
    't=,v1=',
    'ts=1;h1=',
    'v1,',
    'sha256=',
    '=,=;',
    '0'.repeat(64),
    '%',
    ','.repeat(200),
  ),
);
const anyBody = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.json().map((json) => Buffer.from(json)),
  fc
    .constantFrom(
      '',
      'null',
      '[]',
      '0',
      '"a"',
      'a=%',
      'payload=%7B',
      '='.repeat(500),
      '['.repeat(20_000),
      '{"type":0}',
      '{"type":"url_verification","challenge":"a"}',
      '{"webhookTimestamp":-1}',
    )
    .map((text) => Buffer.from(text)),
);
const anyQuery = fc.oneof(
  fc.constantFrom(
    '',
    '?',
    '?%',
    '?bodySHA256=',
    '?bodySHA256=a&bodySHA256=b',
    '?a=b?c=d',
    `?${'&'.repeat(999)}`,
  ),
);

test('no header and no body makes a 5xx, or an unsigned 2xx', { timeout: 300_000 }, async () => {
  /** The headers of the scheme with some of them replaced, left out or doubled. */
  const request = anyScheme.chain((scheme) => {
    const { headers } = signedBy(scheme);
    const lines = fc.tuple(
      ...headers.map(([name, value]) =>
        fc.oneof(
          fc.constant([]),
          anyValue.map((each): [string, string][] => [[name, each]]),
          fc.constant<[string, string][]>([[name, value]]),
          anyValue.map((each): [string, string][] => [
            [name, each],
            [name, value],
          ]),
        ),
      ),
    );
    return fc.record({
      scheme: fc.constant(scheme),
      headers: lines.map((all) => all.flat()),
      body: anyBody,
      query: anyQuery,
    });
  });
  await fc.assert(
    fc.asyncProperty(request, async ({ scheme, headers, body, query }) => {
      // its header alone is all that a token's request needs
      const isToken = headers.some(
        ([name, value]) => name === 'x-gitlab-token' && value === 'the key of a provider',
      );
      fc.pre(scheme !== 'token' || !isToken);
      const sent = { method: 'POST', target: `/webhook/${scheme}${query}`, headers, body };
      const answer = await send(ingest.port, sent);
      assert.equal(answer.same, refused);
    }),
    { numRuns: 1_500 },
  );
  assert.deepEqual(ingest.taken, []);
});

test('a scheme that throws is the fault of Lyftr, and still no 5xx', async (t) => {
  const fail = (): never => {
    throw new Error('a fault of this scheme');
  };
  const senders: Source[] = [
    { ...senderOf('github', { name: 'one' }), verify: fail, verifyRetired: fail },
    { ...senderOf('github', { name: 'two' }), handshake: fail, deliveryId: fail },
  ];
  const faulty = await startIngest({ senders });
  t.after(() => faulty.close());
  assert.equal((await send(faulty.port, signedBy('github', { name: 'one' }))).same, refused);
  const { status } = await send(faulty.port, signedBy('github', { name: 'two' }));
  assert.equal(status, 200);
  assert.match(faulty.deliveries()[0]?.id ?? '', /^[0-9a-f]{64}$/);
});

test('a wrong signature on /deliveries is that of the built-in source', async (t) => {
  const other = await startIngest({ builtIn: builtInSource('another', undefined), senders: [] });
  t.after(() => other.close());
  const { status } = await send(other.port, { ...signedBy('lyftr'), target: '/deliveries' });
  assert.equal(status, 401);
});
