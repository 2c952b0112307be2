import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { hostState } from './host.js';

test('a clock that was never set is named', () => {
  assert.match(hostState(tmpdir(), 0), /the clock is wrong \(1970/);
});

test('a disk with room and a clock that is set are ok', () => {
  assert.match(hostState(tmpdir()), /^ok$|MiB are free/);
});

test('a full file system is named with what is left of it', () => {
  // procfs has no room at all
  assert.match(hostState('/proc'), /^only 0 MiB are free in DATA_DIR/);
});
