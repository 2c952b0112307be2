import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SettingsError } from '@lyftr/shared/env';
import { readConfig } from './config.js';

test('defaults stand in for what is not set', () => {
  const config = readConfig({});
  assert.equal(config.QUERY_PORT, 8001);
  assert.equal(config.HOST, '127.0.0.1');
  assert.equal(config.API_TOKEN, undefined);
});

test('reads beyond this machine need a token or an explicit word', () => {
  assert.throws(() => readConfig({ HOST: '0.0.0.0' }), SettingsError);
  assert.equal(readConfig({ HOST: '0.0.0.0', API_TOKEN: 't' }).API_TOKEN, 't');
  assert.equal(readConfig({ HOST: '0.0.0.0', ALLOW_ANONYMOUS_READS: '1' }).ALLOW_ANONYMOUS_READS, true);
});
