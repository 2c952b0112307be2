import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { redisSocket } from './socket-path.js';

const freshDir = () => realpathSync(mkdtempSync(join(tmpdir(), 'lyftr-')));

test('a path that fits is used as it is', () => {
  assert.equal(redisSocket('/srv/my data'), '/srv/my data/redis.sock');
});

test('a path too long for a socket, or with a question mark, is reached through a private link', () => {
  for (const name of ['x'.repeat(120), 'what?']) {
    const dataDir = join(freshDir(), name);
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, 'redis.sock'), '');
    for (const temporary of [freshDir(), freshDir()]) {
      const path = redisSocket(dataDir, temporary);
      assert.ok(path.startsWith(join(temporary, 'lyftr-')) && !path.includes('?'));
      assert.equal(realpathSync(path), join(dataDir, 'redis.sock'));
      assert.equal(statSync(dirname(dirname(path))).mode & 0o777, 0o700);
      assert.equal(redisSocket(dataDir, temporary), path);
    }
  }
});

test('a directory that others can enter is refused', () => {
  const temporary = freshDir();
  const dataDir = `/srv/${'x'.repeat(120)}`;
  chmodSync(dirname(dirname(redisSocket(dataDir, temporary))), 0o777);
  assert.throws(() => redisSocket(dataDir, temporary), /other users can access/);
});
