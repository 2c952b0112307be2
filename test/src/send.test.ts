/** `lyftr send`, `sign` and `verify` against a running system. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { lyftr, lyftrWith, type CliResult } from './cli.js';
import { eventually, SECRET, sign, System, type Environment } from './system.js';

let system: System;
let env: Environment;
before(async () => {
  system = await System.start();
  env = { ...system.env, PORT: new URL(system.origin).port };
});
after(() => system.stop());

const run = (...args: string[]): Promise<CliResult> => lyftr(env, ...args);
const stored = (id: string) =>
  eventually(`${id} is stored`, async () => {
    const { status, json } = await system.get(`/messages/${encodeURIComponent(id)}`);
    return status === 200 && json;
  });

test('send makes a message of its options, signs it and prints the answer', async () => {
  const options = [
    '--from',
    '100',
    '--to',
    '200',
    '--text',
    'hé "x"',
    '--id',
    'send-1',
    '--ts',
    '1710000000',
  ];
  const { code, stdout, stderr } = await run('send', ...options);
  assert.deepEqual([code, stdout, stderr], [0, '{"status":"ok"}  message_id "send-1"\n', '']);
  const message = { message_id: 'send-1', from: '100', to: '200', ts: 1_710_000_000, text: 'hé "x"' };
  assert.deepEqual(await stored('send-1'), message);
});

test('send gives a message an id of its own and the present time', async () => {
  const startedAt = Math.floor(Date.now() / 1_000);
  const { stdout } = await run('send', '--from', '100', '--to', '200', '--json');
  const { message_id, answer } = JSON.parse(stdout);
  assert.deepEqual(answer, { status: 'ok' });
  assert.match(message_id, /^[0-9a-f-]{36}$/);
  const { ts, text } = await stored(message_id);
  assert.ok(ts >= startedAt && ts <= Date.now() / 1_000);
  assert.equal(text, '');
});

test('send takes a body byte by byte, from a file and from standard input', async () => {
  const body = '{ "message_id" : "send-file", "from":"100","to":"200","ts":1,"more":[1] }\n';
  const file = join(system.dir, 'body.json');
  writeFileSync(file, body);
  assert.equal((await run('send', file)).code, 0);
  assert.deepEqual((await stored('send-file')).extra, { more: [1] });
  const piped = await lyftrWith(body.replace('send-file', 'send-stdin'), env, 'send', '-');
  assert.equal(piped.code, 0);
  await stored('send-stdin');
});

test('what the service refuses is one line and exit code 1; wrong usage is 64; nobody there is 69', async () => {
  const refused = await lyftrWith('{"message_id":7}', env, 'send', '-');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^lyftr: POST \/webhook returned 422: [^\n]*\/message_id[^\n]*\n$/);
  const unsigned = await lyftr({ ...env, WEBHOOK_SECRET: 'another' }, 'send', '--from', '1', '--to', '2');
  assert.equal(unsigned.code, 1);
  assert.match(unsigned.stderr, /^lyftr: POST \/webhook returned 401: [^\n]+\n$/);
  const usages = [
    ['--from', '100'],
    ['-', '--text', 'x'],
    ['--from', '1', '--to', '2', '--ts', 'now'],
  ];
  for (const args of usages) assert.equal((await run('send', ...args)).code, 64, args.join(' '));
  const nobody = await run('send', '--from', '1', '--to', '2', '--url', 'http://127.0.0.1:1');
  assert.equal(nobody.code, 69);
  assert.match(nobody.stderr, /^lyftr: no response from http:\/\/127.0.0.1:1: [^\n]+\n$/);
});

test('sign prints what ingest accepts, for exactly these bytes', async () => {
  const file = join(system.dir, 'bytes');
  const bytes = Buffer.from([0xff, 0x00, 0x0a, 0x0d, 0x0a]);
  writeFileSync(file, bytes);
  assert.equal((await run('sign', file)).stdout, `${sign(bytes)}\n`);
  assert.deepEqual(JSON.parse((await run('sign', file, '--json')).stdout), { signature: sign(bytes) });
  assert.equal((await lyftrWith('hi', env, 'sign', '-')).stdout, `${sign('hi')}\n`);
  const { code, stderr } = await run('sign', join(system.dir, 'nowhere'));
  assert.equal(code, 1);
  assert.match(stderr, /^lyftr: ENOENT[^\n]+\n$/);
});

test('verify says which secret has signed, or that none has', async () => {
  const verify = (signature: string, ...args: string[]) =>
    lyftrWith('hi', { ...env, WEBHOOK_SECRET_PREVIOUS: 'the old one' }, 'verify', '-', signature, ...args);
  const current = await verify(sign('hi', SECRET).toUpperCase());
  assert.deepEqual([current.code, current.stdout], [0, 'valid, by the current secret\n']);
  const previous = await verify(sign('hi', 'the old one'), '--json');
  assert.deepEqual(JSON.parse(previous.stdout), { valid: true, secret: 'previous' });
  for (const wrong of [sign('hi\n'), sign('hi').slice(1), `${sign('hi')}0`, 'x']) {
    const { code, stdout } = await verify(wrong);
    assert.deepEqual([code, stdout], [1, 'not valid\n']);
  }
});
