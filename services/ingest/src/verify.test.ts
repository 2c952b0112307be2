import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { createVerifier } from './verify.js';

const body = Buffer.from('{"a":1}');
const sign = (secret: string) => createHmac('sha256', secret).update(body).digest('hex');

test('accepts the signature of the secret, in either case', () => {
  const verify = createVerifier(['one']);
  assert.equal(verify(sign('one'), body), true);
  assert.equal(verify(sign('one').toUpperCase(), body), true);
});

test('accepts the previous secret while rotating, and no third one', () => {
  const verify = createVerifier(['new', 'old']);
  assert.equal(verify(sign('new'), body), true);
  assert.equal(verify(sign('old'), body), true);
  assert.equal(verify(sign('other'), body), false);
});

test('refuses every malformed signature without throwing', () => {
  const verify = createVerifier(['one']);
  const good = sign('one');
  const bad = [
    undefined,
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
  for (const signature of bad) assert.equal(verify(signature, body), false, String(signature));
});

test('a changed byte of the body changes the answer', () => {
  const verify = createVerifier(['one']);
  assert.equal(verify(sign('one'), Buffer.from('{"a":2}')), false);
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
      const verify = createVerifier([key]);
      for (const message of [first, second]) {
        const expected = createHmac('sha256', key).update(message).digest('hex');
        assert.equal(verify(expected, Buffer.from(message)), true);
      }
    }),
  );
});
