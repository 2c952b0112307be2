import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { reachableUrl } from './address.js';

test('a writer names an address that others can connect to', () => {
  assert.equal(reachableUrl('127.0.0.1', 8002), 'http://127.0.0.1:8002');
  assert.equal(reachableUrl('writer.example', 8002), 'http://writer.example:8002');
  assert.equal(reachableUrl('::1', 8002), 'http://[::1]:8002');
  for (const wildcard of ['0.0.0.0', '::'])
    assert.equal(reachableUrl(wildcard, 8002), `http://${hostname()}:8002`);
  assert.equal(reachableUrl('0.0.0.0', 8002, 'https://nat.example:9/'), 'https://nat.example:9');
});
