/** `lyftr sign --source`, for every scheme: the source takes what it signs. */
import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openSource } from '@lyftr/sources/open';
import { SCHEME_NAMES, type SchemeName, type Verdict } from '@lyftr/sources/source';
import { bodyOf, keyOf, settingsOf, whpk, type Pair } from '@lyftr/sources/testing';
import { lyftrWith, type CliResult } from './cli.js';

const folder = mkdtempSync(join(tmpdir(), 'lyftr-sign-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'sources.json');

/** A source of each scheme, and one with a public key of Standard Webhooks. */
const SOURCES: Record<string, { scheme: SchemeName; key: Pair }> = {
  ...Object.fromEntries(SCHEME_NAMES.map((scheme) => [scheme, { scheme, key: keyOf(scheme) }])),
  public: { scheme: 'standard-webhooks', key: whpk() },
};
const PUBLIC = ['discord', 'sendgrid', 'public'];

function write(): void {
  const sources = Object.entries(SOURCES).map(([name, { scheme, key }]) => {
    writeFileSync(join(folder, name), `${key.verifying}\n`);
    writeFileSync(join(folder, `${name}-private`), `${key.signing}\n`);
    const keys = [
      { id: 'old', env: 'NOT_SET_HERE', retired: true },
      { id: 'main', file: name },
    ].slice(name === 'github' ? 0 : 1);
    return { name, scheme, keys, ...settingsOf(scheme) };
  });
  // whatever is wrong with this one, the others can sign
  writeFileSync(file, JSON.stringify({ sources: [{ name: 'faulty' }, ...sources] }));
}
write();

function verdictOf(name: string, stdout: string, body: Buffer, query = ''): Verdict {
  const { scheme, key } = SOURCES[name] as (typeof SOURCES)[string];
  const keys = [{ id: 'main', secret: key.verifying }];
  const lines = stdout.trimEnd().split('\n');
  const headers = Object.fromEntries(lines.map((line) => /^([a-z0-9-]+): (.*)$/.exec(line)?.slice(1) ?? []));
  const url = `/webhook/${name}${query}`;
  const source = openSource({ ...settingsOf(scheme), name, scheme, keys });
  return source.verify({ method: 'POST', url, headers, body, nowMs: Date.now() });
}

/** Linear signs a body that has the present time. */
const freshBody = (scheme: SchemeName): Buffer =>
  scheme === 'linear' ? Buffer.from(JSON.stringify({ webhookTimestamp: Date.now() })) : bodyOf(scheme);

const signing = (name: string, body: Buffer, ...args: string[]): Promise<CliResult> => {
  const env = { NOT_SET_HERE: 'of last year' };
  const key = PUBLIC.includes(name) ? ['--private-key', join(folder, `${name}-private`)] : [];
  return lyftrWith(body, env, 'sign', '-', '--source', name, '--sources', file, ...key, ...args);
};

for (const [name, { scheme }] of Object.entries(SOURCES))
  test(`${name} signs as its source expects`, async () => {
    const body = freshBody(scheme);
    const { code, stdout, stderr } = await signing(name, body, '--query', '?a=1&b=%2F');
    assert.deepEqual([code, stderr], [0, '']);
    assert.deepEqual(Object.keys(verdictOf(name, stdout, body, '?a=1&b=%2F')), ['ok'], stdout);
    if (scheme === 'token') return;
    const changed = Buffer.concat([body, Buffer.from(scheme === 'twilio' ? '&a=b' : ' ')]);
    assert.deepEqual(Object.keys(verdictOf(name, stdout, changed, '?a=1&b=%2F')), ['reason']);
  });

test('the query is signed where the address is', async () => {
  const body = bodyOf('square');
  const { stdout } = await signing('square', body, '--query', 'a=1');
  assert.ok('ok' in verdictOf('square', stdout, body, '?a=1'));
  assert.deepEqual(verdictOf('square', stdout, body, '?a=2'), { reason: 'wrong' });
});

test('an id that is given is sent, and --json has the headers', async () => {
  const { stdout } = await signing('standard-webhooks', bodyOf('github'), '--delivery-id', 'msg_7', '--json');
  const { headers } = JSON.parse(stdout);
  assert.deepEqual(Object.keys(headers), ['webhook-id', 'webhook-timestamp', 'webhook-signature']);
  assert.equal(headers['webhook-id'], 'msg_7');
});

test('a private key may be PEM', async () => {
  for (const name of PUBLIC) {
    const { scheme, key } = SOURCES[name] as (typeof SOURCES)[string];
    const seed =
      scheme === 'discord'
        ? Buffer.from(key.signing, 'hex')
        : Buffer.from(key.signing.replace(/^whsk_/, ''), 'base64');
    const pkcs8 =
      scheme === 'sendgrid'
        ? seed
        : Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
    const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
    const pem = join(folder, `${name}.pem`);
    writeFileSync(pem, privateKey.export({ format: 'pem', type: 'pkcs8' }));
    const body = bodyOf(scheme);
    const args = ['--source', name, '--sources', file, '--private-key', pem];
    const { stdout, stderr } = await lyftrWith(body, {}, 'sign', '-', ...args);
    assert.ok(stdout !== '' && 'ok' in verdictOf(name, stdout, body), stderr);
    // a public key in its place
    writeFileSync(pem, createPublicKey(privateKey).export({ format: 'pem', type: 'spki' }));
    const wrong = await lyftrWith(body, {}, 'sign', '-', ...args);
    assert.deepEqual([wrong.code, wrong.stdout], [1, '']);
    assert.equal(wrong.stderr, `lyftr: ${pem} has no private key for ${scheme}\n`);
  }
});

test('what is missing or wrong is one line', async () => {
  const sign = (env: Record<string, string>, ...args: string[]) => lyftrWith('{}', env, 'sign', '-', ...args);
  const cases: [Promise<CliResult>, number, RegExp][] = [
    [
      sign({}, '--source', 'meta'),
      64,
      /^lyftr: give the sources file with --sources, or set SOURCES_FILE\n$/,
    ],
    [sign({ SOURCES_FILE: file }, '--source', 'nobody'), 1, /has no source nobody\n$/],
    [sign({ SOURCES_FILE: file }, '--source', 'faulty'), 78, /^sources: \/sources\/0\/scheme: is missing\n/],
    [
      sign({ SOURCES_FILE: file }, '--source', 'discord'),
      64,
      /public key, which cannot sign: .*--private-key\n$/,
    ],
    [
      sign({ SOURCES_FILE: file }, '--source', 'meta', '--private-key', file),
      64,
      /has a secret, and --private-key is for public keys\n$/,
    ],
  ];
  for (const [running, exitCode, message] of cases) {
    const { code, stdout, stderr } = await running;
    assert.deepEqual([code, stdout], [exitCode, ''], stderr);
    assert.match(stderr, message);
  }
});
