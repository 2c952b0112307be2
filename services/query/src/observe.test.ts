import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routeOf } from './observe.js';

test('a route label is a pattern, never what a client made up', () => {
  assert.equal(routeOf('/messages?q=secret'), '/messages');
  assert.equal(routeOf('/messages/'), '/messages');
  assert.equal(routeOf('/messages/some%2Fid?x'), '/messages/{message_id}');
  assert.equal(routeOf('/docs/swagger-ui.css'), '/docs');
  assert.equal(routeOf('/'), '/');
  assert.equal(routeOf('/?tab=messages'), '/');
  assert.equal(routeOf('/console/main.js'), '/console');
  assert.equal(routeOf('/dead-letters/7/replay'), '/dead-letters');
  assert.equal(routeOf('/consoles'), 'other');
  assert.equal(routeOf('/wp-admin'), 'other');
  assert.equal(routeOf('http://example.com/messages'), 'other');
});
