import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SettingsError } from '@lyftr/shared/runtime/env';
import { readConfig } from './config.js';

test('defaults stand in for what is not set', () => {
  const config = readConfig({});
  assert.equal(config.QUERY_PORT, 8001);
  assert.equal(config.HOST, '127.0.0.1');
  assert.equal(config.API_TOKEN, undefined);
});

test('proxies are addresses, networks or names of ranges', () => {
  for (const list of ['loopback', '10.0.0.1', 'uniquelocal, ::1', 'fd00::/8,192.0.2.0/24'])
    assert.equal(readConfig({ TRUSTED_PROXIES: list }).TRUSTED_PROXIES, list);
  for (const list of [
    '',
    'all',
    'nginx',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    '10.0.0.1,',
    'loopback/8',
    '10.0.0.0/',
  ])
    assert.throws(
      () => readConfig({ TRUSTED_PROXIES: list }),
      /TRUSTED_PROXIES must be a comma-separated list/,
      list,
    );
});

test('reads beyond this machine need a token or an explicit word', () => {
  assert.throws(() => readConfig({ HOST: '0.0.0.0' }), SettingsError);
  const token = '0123456789abcdef';
  assert.equal(readConfig({ HOST: '0.0.0.0', API_TOKEN: token }).API_TOKEN, token);
  assert.equal(readConfig({ HOST: '0.0.0.0', ALLOW_ANONYMOUS_READS: '1' }).ALLOW_ANONYMOUS_READS, true);
});
