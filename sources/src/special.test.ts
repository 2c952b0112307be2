/** What single schemes do beside verifying: several signatures, families of headers, ids, handshakes, answers. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { createMac } from './hmac.js';
import { openSigner, openSource } from './open.js';
import type { GenericSignature, SchemeName, SignedRequest } from './source.js';
import { bodyOf, keyOf, NOW_MS, otherKeyOf, requestOf, sourceOf, whpk } from './testing.js';

const change = (request: SignedRequest, headers: SignedRequest['headers']): SignedRequest => ({
  ...request,
  headers: { ...request.headers, ...headers },
});
const header = (request: SignedRequest, name: string): string => request.headers[name] as string;

test('HMAC is that of node:crypto for every algorithm, key and text', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.uint8Array({ minLength: 16_200, maxLength: 16_500 }),
  );
  const latin1 = fc.uint8Array({ maxLength: 200 }).map((text) => Buffer.from(text).toString('latin1'));
  const algorithm = fc.constantFrom('sha1', 'sha256', 'sha512');
  fc.assert(
    fc.property(
      algorithm,
      fc.uint8Array({ maxLength: 200 }),
      bytes,
      latin1,
      latin1,
      (name, key, body, before, after) => {
        const mac = createMac(name, Buffer.from(key));
        const expected = createHmac(name, key)
          .update(before, 'latin1')
          .update(body)
          .update(after, 'latin1')
          .digest();
        assert.deepEqual(mac(Buffer.from(body), before, after), expected);
      },
    ),
  );
});

test('standard-webhooks: v1a with a public key, beside v1 and beside versions of the future', () => {
  const pair = whpk();
  const request = requestOf('standard-webhooks', {}, pair);
  const source = sourceOf('standard-webhooks', pair);
  assert.ok('ok' in source.verify(request));
  const v1a = header(request, 'webhook-signature');
  assert.match(v1a, /^v1a,/);
  const v1 = header(requestOf('standard-webhooks'), 'webhook-signature');
  for (const value of [`${v1} ${v1a}`, `v2,x ${v1a}`]) {
    assert.ok('ok' in source.verify(change(request, { 'webhook-signature': value })), value);
  }
  for (const value of [v1, `${v1a}  ${v1a}`, `v1,${v1a.slice(4)}`, v1a.replace('v1a', 'v1b')])
    assert.ok('reason' in source.verify(change(request, { 'webhook-signature': value })), value);
});

test('standard-webhooks: one of two families of headers, never a part of each', () => {
  const source = sourceOf('standard-webhooks');
  const { headers, ...request } = requestOf('standard-webhooks');
  const svix = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.replace('webhook', 'svix'), value]),
  );
  assert.ok('ok' in source.verify({ ...request, headers: svix }));
  assert.ok('ok' in source.verify({ ...request, headers: { ...svix, ...headers } }));
  const { 'webhook-id': id, ...rest } = headers;
  assert.deepEqual(source.verify({ ...request, headers: { ...rest, 'svix-id': id } }), { reason: 'missing' });
  const other = { ...svix, ...headers, 'svix-id': 'msg_other' };
  assert.deepEqual(source.verify({ ...request, headers: other }), { reason: 'doubled' });
});

test('standard-webhooks: an id with a full stop is refused, for it could be read as an id and a time', () => {
  const request = requestOf('standard-webhooks', {
    body: bodyOf('standard-webhooks'),
    deliveryId: `a.${NOW_MS / 1_000}`,
  });
  assert.deepEqual(sourceOf('standard-webhooks').verify(request), { reason: 'malformed' });
});

test('several signatures in a header: any may be right, and at most 16 are looked at', () => {
  const lists: [SchemeName, string, (signature: string, count: number) => string][] = [
    [
      'standard-webhooks',
      'webhook-signature',
      (signature, count) => `${`v1,${'A'.repeat(43)}= `.repeat(count)}${signature}`,
    ],
    ['stripe', 'stripe-signature', (signature, count) => signature + `,v1=${'0'.repeat(64)}`.repeat(count)],
    ['paddle', 'paddle-signature', (signature, count) => signature + `;h1=${'0'.repeat(64)}`.repeat(count)],
    [
      'paddle',
      'paddle-signature',
      (signature, count) => signature.replace(';', `;${`h1=${'0'.repeat(64)};`.repeat(count)}`),
    ],
  ];
  for (const [scheme, name, list] of lists) {
    const request = requestOf(scheme);
    const signature = header(request, name);
    const by = (count: number) =>
      sourceOf(scheme).verify(change(request, { [name]: list(signature, count) }));
    assert.ok('ok' in by(1), scheme);
    assert.ok('ok' in by(15), scheme);
    assert.deepEqual(by(16), { reason: 'malformed' }, scheme);
  }
});

test('stripe: other names may stand in the list, the time once, and nothing between', () => {
  const request = requestOf('stripe');
  const value = header(request, 'stripe-signature');
  const by = (text: string) => sourceOf('stripe').verify(change(request, { 'stripe-signature': text }));
  assert.ok('ok' in by(`${value},v0=${'1'.repeat(64)}`));
  assert.deepEqual(by(`${value},t=${NOW_MS / 1_000}`), { reason: 'doubled' });
  for (const text of [
    value.replace(',', ', '),
    value.replace('v1', 'v0'),
    `${value},`,
    value.replace(/t=\d+,/, ''),
  ])
    assert.deepEqual(by(text), { reason: 'malformed' }, text);
});

test('shopify: the headers without x-', () => {
  const { headers, ...request } = requestOf('shopify');
  const short = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.slice(2), value]));
  assert.ok('ok' in sourceOf('shopify').verify({ ...request, headers: short }));
  assert.equal(
    sourceOf('shopify').deliveryId({ ...request, headers: short }),
    headers['x-shopify-webhook-id'],
  );
});

test('linear: a body without a time is refused, although its signature is right', () => {
  for (const body of [
    '{}',
    '{"webhookTimestamp":"1780000000000"}',
    '{"webhookTimestamp":1.5}',
    '[]',
    'no JSON',
  ])
    assert.deepEqual(sourceOf('linear').verify(requestOf('linear', { body: Buffer.from(body) })), {
      reason: 'malformed',
    });
});

test('twilio: a form is one set of fields, however it is written; what is no form is refused', () => {
  const source = sourceOf('twilio');
  const request = requestOf('twilio');
  const same =
    'Body=hello%20there&To=%2b14155550101&From=%2B14155550100&MessageSid=SM1&MediaUrl=a&MediaUrl=b';
  const other = { ...request, body: Buffer.from(same) };
  assert.ok('ok' in source.verify(other));
  assert.equal(source.deliveryId(other), source.deliveryId(request));
  const url = `${request.url}&bodySHA256=${'0'.repeat(64)}`;
  for (const [sent, reason] of [
    [{ ...request, body: Buffer.from('a=%E9') }, 'malformed'],
    [{ ...request, body: Buffer.from([0x61, 0xff]) }, 'malformed'],
    [{ ...request, url }, 'wrong'],
    [{ ...request, url: `${url}&bodySHA256=1` }, 'doubled'],
    [{ ...request, url: `${request.url}&bodySHA256=1` }, 'malformed'],
    [{ ...request, url: '/webhook/any' }, 'wrong'],
  ] as const)
    assert.deepEqual(source.verify(sent), { reason });
});

test('square and twilio take scheme, host and path from the settings', () => {
  for (const scheme of ['square', 'twilio'] as const) {
    const request = requestOf(scheme);
    assert.ok(
      'ok' in
        sourceOf(scheme).verify({
          ...request,
          url: `/elsewhere${request.url.slice(request.url.indexOf('?'))}`,
        }),
    );
    assert.deepEqual(sourceOf(scheme).verify({ ...request, url: `${request.url}&c=1` }), { reason: 'wrong' });
    const keys = [{ id: 'main', secret: keyOf(scheme).verifying }];
    const moved = openSource({ name: 'any', scheme, keys, url: 'https://other.example.com/webhook/any' });
    assert.deepEqual(moved.verify(request), { reason: 'wrong' });
  }
});

const GENERIC: [string, GenericSignature, string][] = [
  [
    'intercom',
    { header: 'X-Hub-Signature', prefix: 'sha1=', algorithm: 'sha1', encoding: 'hex', key: 'utf8' },
    'a key',
  ],
  ['sha512', { header: 'X-S', algorithm: 'sha512', encoding: 'base64', key: 'hex' }, '00ff10'],
  [
    'zendesk',
    {
      header: 'X-Zendesk-Webhook-Signature',
      algorithm: 'sha256',
      encoding: 'base64',
      key: 'base64',
      signed: '{timestamp}{body}',
      timestamp: { header: 'X-Zendesk-Webhook-Signature-Timestamp', unit: 'iso' },
    },
    'a2V5',
  ],
];

for (const [name, signature, secret] of GENERIC) {
  test(`generic: ${name}`, () => {
    const settings = { name, scheme: 'generic' as const, signature, dedup: { body: '/id' } };
    const source = openSource({ ...settings, keys: [{ id: 'main', secret }] });
    const body = bodyOf('generic');
    const headers = openSigner(settings, secret)({ body, nowMs: NOW_MS });
    const key = Buffer.from(secret, signature.key);
    const before = signature.timestamp === undefined ? '' : new Date(NOW_MS).toISOString();
    const expected = createHmac(signature.algorithm, key)
      .update(before)
      .update(body)
      .digest(signature.encoding);
    assert.equal(headers[signature.header.toLowerCase()], (signature.prefix ?? '') + expected);
    const request = { method: 'POST', url: '', headers, body, nowMs: NOW_MS };
    assert.ok('ok' in source.verify(request));
    assert.equal(source.deliveryId(request), 'evt_1');
    assert.equal(
      'ok' in source.verify({ ...request, nowMs: NOW_MS + 301_000 }),
      signature.timestamp === undefined,
    );
    for (const time of ['2026-05-28', '2026-05-28T00:00:00', '2026-13-28T00:00:00Z', String(NOW_MS)]) {
      if (signature.timestamp === undefined) break;
      const late = change(request, { [signature.timestamp.header.toLowerCase()]: time });
      assert.ok('reason' in source.verify(late), time);
    }
  });
}

test('token: the id is in a header, which may be there once', () => {
  const settings = {
    name: 'any',
    scheme: 'token' as const,
    token: { header: 'X-Gitlab-Token' },
    dedup: { header: 'Idempotency-Key' },
  };
  const source = openSource({ ...settings, keys: [{ id: 'main', secret: 'key' }] });
  const headers = { 'x-gitlab-token': 'key', 'idempotency-key': 'one' };
  const request = { method: 'POST', url: '', headers, body: Buffer.from(''), nowMs: NOW_MS };
  assert.deepEqual(source.verify(request), { ok: { keyId: 'main' } });
  assert.equal(source.deliveryId(request), 'one');
  assert.deepEqual(source.verify(change(request, { 'idempotency-key': ['one', 'two'] })), {
    reason: 'doubled',
  });
  assert.deepEqual(source.headers, ['x-gitlab-token', 'idempotency-key']);
});

test('slack: the id of an event, of a command and of an interaction', () => {
  const id = (body: string) => sourceOf('slack').deliveryId(requestOf('slack', { body: Buffer.from(body) }));
  assert.equal(id('{"event_id":"Ev1"}'), 'Ev1');
  assert.equal(id('command=%2Fa&trigger_id=1.2'), '1.2');
  assert.equal(id(`payload=${encodeURIComponent('{"trigger_id":"3.4"}')}`), '3.4');
});

test('handshakes: Slack, Zoom and Discord get what they ask for, and other deliveries are none', () => {
  const answer = (scheme: SchemeName, body: string) => sourceOf(scheme).handshake(Buffer.from(body), 'main');
  assert.deepEqual(answer('slack', '{"type":"url_verification","challenge":"a\\"b"}'), {
    status: 200,
    type: 'application/json',
    body: '{"challenge":"a\\"b"}',
  });
  const encryptedToken = createHmac('sha256', keyOf('zoom').signing).update('p').digest('hex');
  assert.deepEqual(answer('zoom', '{"event":"endpoint.url_validation","payload":{"plainToken":"p"}}'), {
    status: 200,
    type: 'application/json',
    body: JSON.stringify({ plainToken: 'p', encryptedToken }),
  });
  assert.deepEqual(answer('discord', '{"type":0}'), { status: 204, body: '' });
  for (const [scheme, body] of [
    ['slack', '{"type":"event_callback","challenge":"a"}'],
    ['slack', '{"type":"url_verification"}'],
    ['zoom', '{"event":"meeting.started","payload":{"plainToken":"p"}}'],
    ['discord', '{"type":1}'],
    ['discord', '[0]'],
    ['github', '{"type":0}'],
  ] as const)
    assert.equal(answer(scheme, body), undefined, `${scheme} ${body}`);
});

test('a handshake of Zoom is answered with the key that verified it', () => {
  const keys = [
    { id: 'first', secret: keyOf('zoom').signing },
    { id: 'second', secret: otherKeyOf('zoom').signing },
  ];
  const source = openSource({ name: 'any', scheme: 'zoom', keys });
  const body = Buffer.from('{"event":"endpoint.url_validation","payload":{"plainToken":"p"}}');
  const of = (id: string) => source.handshake(body, id)?.body;
  assert.notEqual(of('first'), of('second'));
});

test('answers: what each provider takes for nothing to say', () => {
  const answers = (['slack', 'twilio', 'discord', 'github'] as const).map(
    (scheme) => sourceOf(scheme).answer,
  );
  assert.deepEqual(answers, [
    { status: 200, body: '' },
    { status: 200, type: 'text/xml', body: '<Response/>' },
    { status: 204, body: '' },
    { status: 200, type: 'application/json', body: '{"status":"ok"}' },
  ]);
});

test('meta: the GET handshake, and no other query', () => {
  const keys = [{ id: 'main', secret: 'key' }];
  const { challenge } = openSource({ name: 'any', scheme: 'meta', keys, verifyToken: 'a b' });
  assert.ok(challenge !== undefined);
  const query = '/webhook/any?hub.mode=subscribe&hub.verify_token=a%20b&hub.challenge=';
  assert.equal(challenge(`${query}1158201444`), '1158201444');
  assert.equal(challenge(`${query}${'a'.repeat(256)}`), 'a'.repeat(256));
  for (const bad of [
    query,
    `${query}${'a'.repeat(257)}`,
    `${query}%3Cb%3E`,
    `${query}1&hub.challenge=2`,
    `${query.replace('a%20b', 'a')}1`,
    `${query.replace('subscribe', 'unsubscribe')}1`,
    '/webhook/any',
  ])
    assert.equal(challenge(bad), undefined, bad);
  assert.equal(openSource({ name: 'any', scheme: 'meta', keys }).challenge, undefined);
});

test('a source shows no key', () => {
  const secret = 'a secret that nobody sees';
  const source = openSource({
    name: 'any',
    scheme: 'meta',
    keys: [{ id: 'main', secret }],
    verifyToken: 'another secret',
  });
  assert.doesNotMatch(JSON.stringify(source), /secret/);
});
