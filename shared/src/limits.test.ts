import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as limits from './limits.js';

test('a sender is answered before the deadline of its own client (3 s)', () => {
  assert.ok(limits.ENQUEUE_DEADLINE_MS < 3_000);
});

test('one pending buffer holds many of the largest bodies', () => {
  assert.ok(limits.PENDING_BYTES_MAX >= 16 * limits.BODY_BYTES_DEFAULT);
});

test('shutdown leaves room for a last enqueue', () => {
  assert.ok(limits.SHUTDOWN_GRACE_MS > 2 * limits.ENQUEUE_DEADLINE_MS);
});

test('headers are given up before the whole request is', () => {
  assert.ok(limits.HEADERS_TIMEOUT_MS < limits.REQUEST_TIMEOUT_MS);
});

test('a process is not called down while it may only be late by one publication', () => {
  assert.ok(limits.PROCESS_STALE_MS > 5 * limits.PUBLISH_INTERVAL_MS);
});
