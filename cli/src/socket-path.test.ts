import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { socketPath } from './socket-path.js';

test('a socket lives in the data directory', () => {
  assert.equal(socketPath('/srv/my data', 'a.sock'), '/srv/my data/a.sock');
});

test('a path too long for a socket, or with a question mark, goes to a private directory instead', () => {
  const temporary = mkdtempSync(join(tmpdir(), 'lyftr-'));
  for (const dataDir of [`/srv/${'x'.repeat(90)}`, '/srv/what?']) {
    const path = socketPath(dataDir, 'a.sock', temporary);
    assert.ok(path.startsWith(join(temporary, 'lyftr-')));
    assert.equal(statSync(dirname(path)).mode & 0o777, 0o700);
    assert.equal(socketPath(dataDir, 'a.sock', temporary), path);
  }
});

test('a directory that others can enter is refused', () => {
  const temporary = mkdtempSync(join(tmpdir(), 'lyftr-'));
  const dataDir = `/srv/${'x'.repeat(90)}`;
  chmodSync(dirname(socketPath(dataDir, 'a.sock', temporary)), 0o777);
  assert.throws(() => socketPath(dataDir, 'a.sock', temporary), /open to other users/);
});
