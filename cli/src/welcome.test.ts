import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { signBuiltIn } from '@lyftr/sources/open';
import { commands, displayHost, firstScreen, reachableHost, shellQuote, type Welcome } from './welcome.js';

const run = promisify(execFile);

const welcome: Welcome = {
  url: 'http://localhost:8000',
  dataDir: '/srv/data',
  secret: 'kept',
  secretFile: '/srv/data/webhook-secret',
  apiToken: undefined,
};

/** What a shell makes of the command, seen by a stand-in for curl. */
async function argumentsOf(command: string): Promise<string[]> {
  const bin = mkdtempSync(join(tmpdir(), 'lyftr-curl-'));
  writeFileSync(join(bin, 'curl'), `#!/bin/sh\nfor word in "$@"; do printf '%s\\0' "$word"; done\n`);
  chmodSync(join(bin, 'curl'), 0o755);
  const { stdout } = await run('sh', ['-c', command], {
    env: { ...process.env, PATH: `${bin}:${process.env['PATH']}` },
  });
  return stdout.split('\0').slice(0, -1);
}

test('the pasted delivery carries the signature of exactly its body', async () => {
  const [send = ''] = commands(welcome, 1_700_000_000);
  const words = await argumentsOf(send);
  const body = words[words.indexOf('-d') + 1] ?? '';
  for (const [name, value] of Object.entries(signBuiltIn(body, 'kept')))
    assert.ok(words.includes(`${name}: ${value}`));
  assert.ok(words.includes('http://localhost:8000/webhook'));
  assert.equal((JSON.parse(body) as { ts: number }).ts, 1_700_000_000);
});

test('the search carries the token when there is one, whatever it is made of', async () => {
  const [, plain = ''] = commands(welcome, 0);
  assert.deepEqual(await argumentsOf(plain), ['http://localhost:8000/messages?q=hello']);
  const apiToken = `a'b "$HOME" \\`;
  const [, guarded = ''] = commands({ ...welcome, apiToken }, 0);
  assert.deepEqual(await argumentsOf(guarded), [
    '-H',
    `Authorization: Bearer ${apiToken}`,
    'http://localhost:8000/messages?q=hello',
  ]);
});

test('a secret that the environment gave is not shown', () => {
  const plain = (text: string): string => text;
  assert.match(firstScreen(welcome, plain, 0), /kept {2}\(kept in \/srv\/data\/webhook-secret\)/);
  const given = firstScreen({ ...welcome, secret: 'from the environment', secretFile: undefined }, plain, 0);
  assert.ok(!given.includes('from the environment'));
});

test('addresses are such as one can connect to', () => {
  assert.deepEqual(['127.0.0.1', '::1', '0.0.0.0', '::', '10.0.0.5', 'fe80::1'].map(displayHost), [
    'localhost',
    'localhost',
    'localhost',
    'localhost',
    '10.0.0.5',
    '[fe80::1]',
  ]);
  assert.deepEqual(['0.0.0.0', '::', '::1', '127.0.0.1'].map(reachableHost), [
    '127.0.0.1',
    '[::1]',
    '[::1]',
    '127.0.0.1',
  ]);
  assert.equal(shellQuote("it's"), `'it'\\''s'`);
});
