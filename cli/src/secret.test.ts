import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { keptSecret, secretFile } from './secret.js';

const freshDir = () => mkdtempSync(join(tmpdir(), 'lyftr-secret-'));
const modeOf = (file: string) => statSync(file).mode & 0o777;

test('a secret is made once and kept', () => {
  const dir = freshDir();
  const secret = keptSecret(dir);
  assert.match(secret, /^[0-9a-f]{64}$/);
  assert.equal(keptSecret(dir), secret);
  assert.notEqual(keptSecret(freshDir()), secret);
  assert.deepEqual(readdirSync(dir), ['webhook-secret']);
});

test('only its owner reads the file, even after somebody opened it', () => {
  const dir = freshDir();
  const secret = keptSecret(dir);
  assert.equal(modeOf(secretFile(dir)), 0o600);
  chmodSync(secretFile(dir), 0o644);
  assert.equal(keptSecret(dir), secret);
  assert.equal(modeOf(secretFile(dir)), 0o600);
});

test('an empty file is no secret', () => {
  const dir = freshDir();
  writeFileSync(secretFile(dir), '\n');
  const secret = keptSecret(dir);
  assert.match(secret, /^[0-9a-f]{64}$/);
  assert.equal(modeOf(secretFile(dir)), 0o600);
});
