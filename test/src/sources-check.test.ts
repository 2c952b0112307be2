/** `lyftr sources check`. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { lyftr } from './cli.js';

const folder = mkdtempSync(join(tmpdir(), 'lyftr-check-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'sources.json');
const write = (...sources: object[]): void => writeFileSync(file, JSON.stringify({ sources }));

test('a file without faults: its sources, with their defaults', async () => {
  writeFileSync(join(folder, 'key'), 'a secret\n');
  const keys = [
    { id: 'new', file: 'key' },
    { id: 'old', env: 'OLD', retired: true },
  ];
  write({ name: 'shop', scheme: 'shopify', keys });
  const { code, stdout } = await lyftr({ OLD: 'another' }, 'sources', 'check', file);
  assert.equal(code, 0);
  assert.match(stdout, /^shop +shopify +shopify +new, old \(retired\)\n$/);
  const { stdout: json } = await lyftr({ OLD: 'another' }, 'sources', 'check', file, '--json');
  const [source] = (JSON.parse(json) as { sources: unknown[] }).sources;
  assert.deepEqual(source, {
    name: 'shop',
    scheme: 'shopify',
    mapping: 'shopify',
    keys: [
      { id: 'new', retired: false },
      { id: 'old', retired: true },
    ],
  });
});

test('every fault is a line, and the exit code is 78', async () => {
  write({ name: 'a', scheme: 'stripe', keys: [{ id: 'x', env: 'STRIPE_SECRET' }] }, { name: 'b' });
  const { code, stdout, stderr } = await lyftr({}, 'sources', 'check', file);
  assert.deepEqual([code, stdout], [78, '']);
  assert.deepEqual(stderr.split('\n'), [
    'sources: /sources/0/keys/0/env: STRIPE_SECRET is not set',
    'sources: /sources/1/scheme: is missing',
    'sources: /sources/1/keys: is missing',
    '',
  ]);
});
