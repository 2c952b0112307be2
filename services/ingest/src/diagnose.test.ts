import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NearMiss } from '@lyftr/shared/sources';
import { openSource } from '@lyftr/sources/open';
import {
  SCHEME_NAMES,
  type Headers,
  type Refused,
  type SchemeName,
  type SignedRequest,
  type Source,
  type SourceSettings,
} from '@lyftr/sources/source';
import { ADDRESS, keyOf, NOW_MS, otherKeyOf, requestOf, settingsOf, sourceOf } from '@lyftr/sources/testing';
import { diagnose, type Diagnosis } from './diagnose.js';

function open(scheme: SchemeName, changes: Partial<SourceSettings> = {}): Source {
  const keys = [{ id: 'main', secret: keyOf(scheme).verifying }];
  return openSource({ ...settingsOf(scheme), name: scheme, scheme, keys, ...changes });
}

interface Scene {
  others?: Source[];
  isThorough?: boolean;
}

/** Of a request that `source` refuses. */
function found(
  source: Source,
  request: SignedRequest,
  { others = [], isThorough = true }: Scene = {},
): Diagnosis {
  const refused = source.verify(request);
  assert.ok('reason' in refused, 'it is accepted');
  return diagnose({ source, request, refused }, { sources: [source, ...others], isThorough });
}

const change = (request: SignedRequest, headers: Headers): SignedRequest => ({
  ...request,
  headers: { ...request.headers, ...headers },
});

const text = (body: string): { body: Buffer } => ({ body: Buffer.from(body) });

test('a retired key is named', () => {
  const keys = [
    { id: 'new', secret: 'a new key' },
    { id: 'old', secret: keyOf('github').verifying, retired: true },
  ];
  assert.deepEqual(found(open('github', { keys }), requestOf('github')), { near: 'retired-key', key: 'old' });
  const stripe = open('stripe', { keys });
  const late = { ...requestOf('stripe'), nowMs: NOW_MS + 1e6 };
  assert.deepEqual(found(stripe, late), { near: 'retired-key' });
});

test('a clock that is wrong is told by how much, in both directions', () => {
  for (const scheme of ['stripe', 'slack', 'linear', 'generic', 'sendgrid'] as const)
    for (const seconds of [400, -400, 86_400]) {
      const request = { ...requestOf(scheme), nowMs: NOW_MS + seconds * 1_000 };
      assert.deepEqual(found(open(scheme), request), { near: 'clock', seconds }, scheme);
    }
});

test('another source would have taken it', () => {
  const others = [open('slack'), open('github', { name: 'theirs', keys: [{ id: 'a', secret: 'theirs' }] })];
  const theirs = requestOf('github', {}, { verifying: 'theirs', signing: 'theirs' });
  assert.deepEqual(found(open('github'), theirs, { others }), { near: 'other-source' });
  assert.deepEqual(found(open('stripe'), requestOf('slack'), { others }), { near: 'other-source' });
  assert.deepEqual(found(open('github'), requestOf('github', {}, otherKeyOf('github')), { others }), {
    near: null,
  });
});

test('headers of another scheme, and none of its own', () => {
  for (const scheme of SCHEME_NAMES) {
    // what they have in common with others is no sign of another scheme
    if (scheme === 'meta' || scheme === 'github') continue;
    for (const other of ['github', 'stripe', 'standard-webhooks'] as const) {
      if (other === scheme) continue;
      assert.deepEqual(found(open(scheme), requestOf(other)), { near: 'other-scheme' }, `${scheme} ${other}`);
    }
  }
  const custom = open('generic', { name: 'custom' });
  const byCustom = requestOf('generic', {}, otherKeyOf('generic'));
  assert.deepEqual(found(open('github'), byCustom, { others: [custom] }), { near: 'other-scheme' });
  const none = { ...requestOf('github'), headers: { 'x-github-delivery': 'a' } };
  assert.deepEqual(found(open('stripe'), none), { near: null });
  // half of its own is not another scheme
  const { 'x-slack-signature': _, ...rest } = requestOf('slack').headers;
  assert.deepEqual(found(open('slack'), { ...requestOf('slack'), headers: rest }), { near: null });
});

test('a final line break that came or went', () => {
  for (const [signed, sent] of [
    ['{}', '{}\n'],
    ['{}', '{}\r\n'],
    ['{}\n', '{}'],
    ['{}\r\n', '{}'],
    ['{}\r', '{}\r\n'],
  ] as const) {
    const request = { ...requestOf('github', text(signed)), ...text(sent) };
    assert.deepEqual(
      found(open('github'), request),
      { near: 'trailing-newline' },
      JSON.stringify([signed, sent]),
    );
  }
});

test('JSON that was written anew on its way', () => {
  const request = {
    ...requestOf('stripe', text('{"a":1,"b":"é"}')),
    ...text('{ "a": 1,\n "b": "\\u00e9" }'),
  };
  assert.deepEqual(found(open('stripe'), request), { near: 'reserialized-json' });
  // long after it was signed, the reason is the same
  assert.deepEqual(found(open('stripe'), { ...request, nowMs: NOW_MS + 1e9 }), { near: 'reserialized-json' });
});

const recode = (value: string, from: BufferEncoding, to: BufferEncoding): string => {
  const [, before = '', signature = ''] = /^(.*?[=,](?=.{28})|)([^=,]+=*)$/s.exec(value) ?? [];
  return before + Buffer.from(signature, from).toString(to);
};

test('a signature in another encoding', () => {
  for (const [scheme, name] of [
    ['github', 'x-hub-signature-256'],
    ['lyftr', 'x-signature'],
    ['slack', 'x-slack-signature'],
    ['stripe', 'stripe-signature'],
    ['discord', 'x-signature-ed25519'],
  ] as const) {
    const request = requestOf(scheme);
    for (const encoding of ['base64', 'base64url'] as const) {
      const recoded = recode(request.headers[name] as string, 'hex', encoding);
      assert.deepEqual(
        found(open(scheme), change(request, { [name]: recoded })),
        { near: 'encoding' },
        recoded,
      );
    }
  }
  for (const [scheme, name] of [
    ['shopify', 'x-shopify-hmac-sha256'],
    ['square', 'x-square-hmacsha256-signature'],
    ['twilio', 'x-twilio-signature'],
    ['standard-webhooks', 'webhook-signature'],
  ] as const) {
    const request = requestOf(scheme);
    const value = request.headers[name] as string;
    const recoded = recode(value, 'base64', 'hex');
    assert.deepEqual(
      found(open(scheme), change(request, { [name]: recoded })),
      { near: 'encoding' },
      recoded,
    );
    const unpadded = value.replace(/=+$/, '');
    assert.deepEqual(found(open(scheme), change(request, { [name]: unpadded })), { near: 'encoding' });
  }
});

test('a body in another character set', () => {
  for (const [signed, sent] of [
    [Buffer.from('é€'), Buffer.from(Buffer.from('é€').toString('latin1'))],
    [Buffer.from('é', 'latin1'), Buffer.from('é')],
    [Buffer.from('é'), Buffer.from('é', 'latin1')],
  ] as const) {
    const request = { ...requestOf('github', { body: signed }), body: sent };
    assert.deepEqual(found(open('github'), request), { near: 'encoding' });
  }
});

test('an address that stands otherwise at the provider', () => {
  for (const scheme of ['square', 'twilio', 'generic'] as const) {
    const body = requestOf(scheme).body;
    const signedFor = (url: string, requestUrl = '/webhook/any?a=1'): SignedRequest => {
      const signer = openSource({
        ...settingsOf(scheme),
        url,
        name: 'any',
        scheme,
        keys: [{ id: 'main', secret: keyOf(scheme).verifying }],
      }).signer();
      const headers = { ...signer({ body, url: requestUrl, nowMs: NOW_MS }), host: 'in.example.com' };
      return { method: 'POST', url: '/webhook/any?a=1', headers, body, nowMs: NOW_MS };
    };
    for (const url of [
      'http://hooks.example.com/webhook/any',
      'https://hooks.example.com:443/webhook/any',
      'http://hooks.example.com:80/webhook/any',
      'https://hooks.example.com/webhook/any/',
      'https://in.example.com/webhook/any',
    ]) {
      // twilio tries the port itself
      if (scheme === 'twilio' && url.endsWith(':443/webhook/any')) continue;
      assert.deepEqual(found(open(scheme), signedFor(url)), { near: 'url' }, `${scheme} ${url}`);
    }
    for (const url of [
      'https://hooks.example.com:8443/webhook/any',
      'https://hooks.example.com/webhook/any/',
    ])
      assert.deepEqual(found(open(scheme, { url }), signedFor(ADDRESS)), { near: 'url' }, `${scheme} ${url}`);
    assert.deepEqual(found(open(scheme), signedFor(ADDRESS, '/webhook/any')), { near: 'url' }, scheme);
    assert.deepEqual(found(open(scheme), signedFor('https://elsewhere.example.com/webhook/any')), {
      near: null,
    });
  }
});

test('a forgery is near nothing, and costs a bounded number of signatures', () => {
  const other = otherKeyOf('generic');
  for (const scheme of SCHEME_NAMES) {
    let verified = 0;
    const count = (source: Source): Source => ({
      ...source,
      verify: (request) => (verified++, source.verify(request)),
      verifyRetired: (request) => (verified++, source.verifyRetired(request)),
    });
    const body = Buffer.alloc(1024 * 1024, '"');
    const others = Array.from({ length: 100 }, (_, i) =>
      count(open(scheme, { name: `other-${i}`, keys: [{ id: 'a', secret: otherKeyOf(scheme).verifying }] })),
    );
    const request = { ...requestOf(scheme, {}, { ...other, ...keyOf(scheme) }), body };
    const headers = change(request, { 'x-gitlab-token': 'wrong' });
    const refused: Refused = { reason: 'wrong' };
    const source = count(open(scheme, { name: 'ours' }));
    diagnose({ source, request: headers, refused }, { sources: [source, ...others], isThorough: true });
    assert.ok(verified <= 4, `${scheme}: ${verified}`);
  }
});

test('without a search only what costs nothing is found', () => {
  const cheap = { isThorough: false };
  const late = { ...requestOf('stripe'), nowMs: NOW_MS + 4e5 };
  assert.deepEqual(found(open('stripe'), late, cheap), { near: 'clock', seconds: 400 });
  assert.deepEqual(found(open('stripe'), requestOf('github'), cheap), { near: 'other-scheme' });
  const request = { ...requestOf('github', text('{}')), ...text('{}\n') };
  assert.deepEqual(found(open('github'), request, cheap), { near: null });
});

test('a scheme that throws is near nothing', () => {
  const fail = (): never => {
    throw new Error('a fault');
  };
  const source = { ...sourceOf('github'), verify: fail, verifyRetired: fail };
  const refused: Refused = { reason: 'malformed' };
  const near: NearMiss | null = diagnose(
    { source, request: requestOf('github'), refused },
    { sources: [{ ...source, name: 'other' }, source], isThorough: true },
  ).near;
  assert.equal(near, null);
});
