import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { exampleProviders } from '@lyftr/sources/examples';
import { readSourcesFile } from '@lyftr/sources/file';
import { expressionFault } from '@lyftr/sources/mapping/jsonata';
import { RELOAD, sourceOf } from './provider.js';
import { PROVIDERS } from './providers.js';

const folder = mkdtempSync(join(tmpdir(), 'lyftr-providers-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const spki = (type: 'ed25519' | 'ec'): Buffer => {
  const { publicKey } =
    type === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
  return publicKey.export({ format: 'der', type: 'spki' });
};
/** Keys of another form than any text. */
const KEYS: Record<string, string> = {
  'standard-webhooks': `whsec_${Buffer.alloc(24, 1).toString('base64')}`,
  discord: spki('ed25519').subarray(-32).toString('hex'),
  sendgrid: spki('ec').toString('base64'),
};

test('the source of each provider has no faults', () => {
  const sources = Object.entries(PROVIDERS).map(([name, provider]) => {
    const [secret, token] = [join(folder, name), join(folder, `${name}-token`)];
    writeFileSync(secret, KEYS[name] ?? 'a secret');
    writeFileSync(token, 'a token');
    return sourceOf(provider, { name, address: `https://hooks.example.com/webhook/${name}`, secret, token });
  });
  const file = join(folder, 'sources.json');
  writeFileSync(file, JSON.stringify({ sources }));
  const read = readSourcesFile(file, {}).sources;
  assert.deepEqual(
    read.map(({ name }) => name),
    Object.keys(PROVIDERS),
  );
  for (const { mapping } of read)
    if (typeof mapping === 'object') assert.equal(expressionFault(mapping.jsonata), undefined);
});

test('the steps of each provider name the address and where the secret is, and reload once', () => {
  for (const [name, { steps, hasVerifyToken = false }] of Object.entries(PROVIDERS)) {
    const text = steps.join('\n');
    assert.equal(text.split(RELOAD).length, 2, name);
    assert.equal(text.split('{address}').length, 2, name);
    assert.equal(text.split('{secret}').length, 2, name);
    assert.equal(text.includes('{token}'), hasVerifyToken, name);
  }
});

test('every provider with examples can be set up', () => {
  assert.deepEqual(
    exampleProviders().filter((provider) => !Object.hasOwn(PROVIDERS, provider)),
    [],
  );
});
