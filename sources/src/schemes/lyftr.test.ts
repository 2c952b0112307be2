import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { builtInSource, signBuiltIn } from '../open.js';
import type { Headers, Verdict } from '../source.js';

const body = Buffer.from('{"a":1}');

function verify(headers: Headers, sent = body, current = 'new', previous?: string): Verdict {
  const request = { method: 'POST', url: '/webhook', headers, body: sent, nowMs: 0 };
  return builtInSource(current, previous).verify(request);
}

const signature = (secret: string): string => signBuiltIn(body, secret)['x-signature'] as string;

test('accepts the signature of the secret, in either case', () => {
  for (const value of [signature('new'), signature('new').toUpperCase()])
    assert.deepEqual(verify({ 'x-signature': value }), { ok: { keyId: 'current' } });
});

test('accepts the previous secret while rotating, and no third one', () => {
  const by = (secret: string) => verify({ 'x-signature': signature(secret) }, body, 'new', 'old');
  assert.deepEqual(by('new'), { ok: { keyId: 'current' } });
  assert.deepEqual(by('old'), { ok: { keyId: 'previous' } });
  assert.deepEqual(by('other'), { reason: 'wrong' });
});

test('refuses every malformed signature without throwing', () => {
  const good = signature('new');
  const bad = [
    '',
    good.slice(0, 63),
    `${good}0`,
    `${good}, ${good}`,
    `sha256=${good}`,
    `${good.slice(0, 62)}zz`,
    `${good}\n`,
    ` ${good}`,
    'é'.repeat(64),
  ];
  for (const value of bad) assert.deepEqual(verify({ 'x-signature': value }), { reason: 'malformed' }, value);
  assert.deepEqual(verify({}), { reason: 'missing' });
  assert.deepEqual(verify({ 'x-signature': [good, good] }), { reason: 'doubled' });
});

test('a changed byte of the body changes the answer', () => {
  const headers = { 'x-signature': signature('new') };
  assert.deepEqual(verify(headers, Buffer.from('{"a":2}')), { reason: 'wrong' });
});

test('agrees with node:crypto for every secret and body', () => {
  const secret = fc.oneof(
    fc.string({ minLength: 1, maxLength: 130 }),
    fc.string({ unit: 'binary', minLength: 1 }),
  );
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.uint8Array({ minLength: 16_300, maxLength: 16_500 }),
  );
  fc.assert(
    fc.property(secret, bytes, bytes, (key, first, second) => {
      const source = builtInSource(key, undefined);
      for (const message of [first, second].map((each) => Buffer.from(each))) {
        const expected = createHmac('sha256', key).update(message).digest('hex');
        assert.deepEqual(signBuiltIn(message, key), { 'x-signature': expected });
        const headers = { 'x-signature': expected };
        assert.ok('ok' in source.verify({ method: 'POST', url: '', headers, body: message, nowMs: 0 }));
      }
    }),
  );
});
