/** `lyftr sources init`: what it writes is a file that the services take, and the steps lead to it. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { lyftr, type CliResult } from './cli.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'lyftr-init-')));
  file = join(folder, 'sources.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const init = (...args: string[]): Promise<CliResult> => lyftr({}, 'sources', 'init', ...args);
const content = () => JSON.parse(readFileSync(file, 'utf8'));
const secret = (name: string): string => join(folder, 'secrets', name);

test('a new file with a generated secret is one that the services take', async () => {
  const { code, stdout, stderr } = await init('github', '--file', file, '--origin', 'https://h.example/in');
  assert.deepEqual([code, stderr], [0, '']);
  assert.deepEqual(content(), {
    sources: [{ name: 'github', scheme: 'github', keys: [{ id: 'main', file: 'secrets/github' }] }],
  });
  assert.match(readFileSync(secret('github'), 'utf8'), /^[0-9a-f]{64}\n$/);
  assert.equal(statSync(secret('github')).mode & 0o777, 0o600);
  assert.equal(statSync(join(folder, 'secrets')).mode & 0o777, 0o700);
  assert.match(stdout, /^GitHub: added source github to .*sources\.json\n\n1\. Run `lyftr sources check /);
  assert.ok(stdout.includes('Payload URL: https://h.example/in/webhook/github.'));
  assert.ok(stdout.includes(`the text in ${secret('github')}.`));
  const { code: checked, stdout: shown } = await lyftr({}, 'sources', 'check', file);
  assert.deepEqual([checked, shown.split(/\s+/)[0]], [0, 'github']);
  assert.ok(!stdout.includes(readFileSync(secret('github'), 'utf8').trim()), 'the secret is not shown');
});

test('the other sources and the mode of the file stay, and a name is given once', async () => {
  const mine = { name: 'mine', scheme: 'stripe', keys: [{ id: 'a', env: 'A' }], mapping: { jsonata: '1' } };
  writeFileSync(file, JSON.stringify({ retire_after_hours: 5, sources: [mine] }));
  chmodSync(file, 0o640);
  assert.equal((await init('github', '--file', file, '--name', 'code')).code, 0);
  const before = readFileSync(file, 'utf8');
  assert.deepEqual(content(), {
    retire_after_hours: 5,
    sources: [mine, { name: 'code', scheme: 'github', keys: [{ id: 'main', file: 'secrets/code' }] }],
  });
  assert.equal(statSync(file).mode & 0o777, 0o640);
  for (const name of ['mine', 'code']) {
    const { code, stdout, stderr } = await init('gitlab', '--file', file, '--name', name);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, new RegExp(`has a source ${name} already: choose another name with --name\n$`));
  }
  assert.equal(readFileSync(file, 'utf8'), before);
  assert.equal(existsSync(secret('mine')), false);
});

test('a file that is a link stays one', async () => {
  const real = join(folder, 'real.json');
  writeFileSync(real, '{"sources":[]}');
  symlinkSync(real, file);
  assert.equal((await init('github', '--file', file)).code, 0);
  assert.equal(realpathSync(file), real);
  assert.equal(content().sources.length, 1);
});

test('a file that is none of sources stays as it is', async () => {
  for (const text of ['{', '[]', '{"sources":{}}', '{"sources":[1]}']) {
    writeFileSync(file, text);
    const { code, stderr } = await init('github', '--file', file);
    assert.equal(code, 1);
    assert.match(stderr, /^lyftr: .* is not (JSON|a sources file): run `lyftr sources check .*`\n$/);
    assert.equal(readFileSync(file, 'utf8'), text);
  }
});

test('a secret that is there is kept, and one that the provider shows is not made up', async () => {
  assert.equal((await init('github', '--file', file)).code, 0);
  const made = readFileSync(secret('github'), 'utf8');
  rmSync(file);
  assert.equal((await init('github', '--file', file)).code, 0);
  assert.equal(readFileSync(secret('github'), 'utf8'), made);

  const { stdout } = await init('whatsapp', '--file', file);
  assert.equal(existsSync(secret('whatsapp')), false);
  assert.match(readFileSync(secret('whatsapp-verify-token'), 'utf8'), /^[0-9a-f]{64}\n$/);
  assert.ok(stdout.includes(`Copy the app secret (App settings > Basic) into ${secret('whatsapp')}.`));
  assert.ok(stdout.includes(`Verify token: the text in ${secret('whatsapp-verify-token')}.`));
  const { code, stderr } = await lyftr({}, 'sources', 'check', file);
  assert.deepEqual([code, stderr], [78, 'sources: /sources/1/keys/0/file: cannot be read: ENOENT\n']);
});

test('without a file the source goes to standard output, and what to do to standard error', async () => {
  const { code, stdout, stderr } = await init('twilio', '--name', 'sms');
  assert.equal(code, 0);
  const { keys, ...source } = JSON.parse(stdout);
  assert.deepEqual(source, { name: 'sms', scheme: 'twilio', url: 'https://hooks.example.com/webhook/sms' });
  assert.match(keys[0].file, /^\/.*\/secrets\/sms$/);
  assert.match(
    stderr,
    /^1\. In the console, copy the auth token .* into \/.*\/secrets\/sms\.\n2\. Add the source /,
  );
  assert.equal(existsSync('secrets'), false);
});

test('--json has the source, the address and the steps', async () => {
  const { stdout } = await init('telegram', '--file', file, '--json');
  const { source, address, file: named, steps } = JSON.parse(stdout);
  assert.deepEqual([address, named], ['https://hooks.example.com/webhook/telegram', file]);
  assert.deepEqual(source, content().sources[0]);
  assert.match(steps[1], /^Run: curl -F url=https:\/\/hooks\.example\.com\/webhook\/telegram /);
});
