import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { faultLine, SourcesError } from './faults.js';
import { readSource, readSourcesFile } from './file.js';
import { openSource } from './open.js';
import { SCHEME_NAMES } from './source.js';
import { keyOf, settingsOf } from './testing.js';

const folder = mkdtempSync(join(tmpdir(), 'lyftr-sources-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const FILE = join(folder, 'sources.json');
const write = (name: string, text: string | Buffer): void => writeFileSync(join(folder, name), text);

const KEYS = [{ id: 'main', env: 'THE_KEY' }];
const ENV = { THE_KEY: 'shh-a-secret', OTHER_KEY: 'shh-another', EMPTY: '' };

function read(content: unknown, env: NodeJS.ProcessEnv = ENV) {
  write('sources.json', typeof content === 'string' ? content : JSON.stringify(content));
  return readSourcesFile(FILE, env);
}

function faultsOf(content: unknown, env: NodeJS.ProcessEnv = ENV): string[] {
  try {
    read(content, env);
    return [];
  } catch (error) {
    assert.ok(error instanceof SourcesError, String(error));
    assert.doesNotMatch(`${error.message} ${JSON.stringify(error)}`, /shh/);
    return error.faults.map(faultLine);
  }
}

const one = (more: object): object => ({ sources: [{ name: 'a', scheme: 'github', keys: KEYS, ...more }] });

test('a whole file: keys from the environment and from files, and the defaults of the schemes', () => {
  write('shopify', 'new key\n');
  write('shopify-old', 'old key\r\n');
  const content = {
    sources: [
      { name: 'whatsapp', scheme: 'meta', keys: KEYS, verify_token: { env: 'OTHER_KEY' } },
      {
        name: 'shop',
        scheme: 'shopify',
        keys: [
          { id: '2026-11', file: 'shopify' },
          { id: '2026-05', file: join(folder, 'shopify-old'), retired: true },
        ],
        rate_limit: { per_second: 50, burst: 200 },
      },
      { name: 'code', scheme: 'github', keys: KEYS, max_body_bytes: 2_097_152, mapping: 'raw' },
      { name: 'sms', scheme: 'twilio', keys: KEYS, url: 'https://hooks.example.com/webhook/sms' },
      {
        name: 'gitlab',
        scheme: 'token',
        keys: KEYS,
        token: { header: 'X-Gitlab-Token' },
        dedup: { header: 'X-Id' },
      },
      {
        name: 'desk',
        scheme: 'generic',
        keys: KEYS,
        tolerance_seconds: 60,
        headers: ['X-Zendesk-Account-Id'],
        signature: {
          header: 'X-Zendesk-Webhook-Signature',
          algorithm: 'sha256',
          encoding: 'base64',
          key: 'utf8',
          signed: '{timestamp}{body}',
          timestamp: { header: 'X-Zendesk-Webhook-Signature-Timestamp', unit: 'iso' },
        },
        mapping: { jsonata: '$' },
      },
      { name: 'own', scheme: 'lyftr', keys: KEYS },
    ],
  };
  const { retireAfterHours, sources } = read(content);
  assert.equal(retireAfterHours, 72);
  assert.deepEqual(
    sources[1]?.keys.map(({ secret }) => secret),
    ['new key', 'old key'],
  );
  const opened = sources.map(openSource);
  assert.deepEqual(
    opened.map(({ mapping }) => mapping),
    ['whatsapp', 'shopify', 'raw', 'twilio', 'raw', { jsonata: '$' }, undefined],
  );
  const MIB = 1024 * 1024;
  assert.deepEqual(
    opened.map(({ bytesMax }) => bytesMax),
    [4 * MIB, undefined, 2 * MIB, ...Array.from({ length: 4 }, () => undefined)],
  );
  assert.deepEqual(opened[1]?.rateLimit, { per_second: 50, burst: 200 });
  assert.deepEqual(opened[5]?.headers, [
    'x-zendesk-webhook-signature',
    'x-zendesk-webhook-signature-timestamp',
    'x-zendesk-account-id',
  ]);
  assert.equal(
    opened[0]?.challenge?.('/?hub.mode=subscribe&hub.verify_token=shh-another&hub.challenge=7'),
    '7',
  );
});

test('every scheme can stand in the file with a key of its form, and needs no more than it says', () => {
  for (const scheme of SCHEME_NAMES) {
    const { url, token, signature } = settingsOf(scheme);
    const entry = { name: 'a', scheme, keys: KEYS, url, token, signature };
    const { sources } = read({ sources: [entry] }, { THE_KEY: keyOf(scheme).verifying });
    assert.equal(openSource(sources[0] as never).scheme, scheme);
  }
});

test('every fault is named at once, with its place, and no secret', () => {
  const content = {
    retire_after_hours: 0,
    sources: [],
  };
  assert.deepEqual(faultsOf(content), ['sources: /retire_after_hours: must be >= 1']);
  const many = {
    sources: [
      { name: 'Bad Name', scheme: 'github', keys: KEYS },
      { name: 'a', scheme: 'githab', keys: [{ id: 'x y', env: 'THE_KEY' }] },
      { name: 'b', scheme: 'stripe', keys: [{ id: 'x', env: 'STRIPE_SECRET' }] },
      { name: 'b', scheme: 'stripe', keys: KEYS, colour: 'red' },
      { scheme: 'stripe', keys: [] },
      'no object',
    ],
  };
  assert.deepEqual(faultsOf(many), [
    'sources: /sources/0/name: must be 1 to 32 of a-z, 0-9 and -, with no - at an end',
    `sources: /sources/1/scheme: must be one of ${SCHEME_NAMES.join(', ')}`,
    'sources: /sources/1/keys/0/id: must be 1 to 32 of A-Z, a-z, 0-9, ., _ and -',
    'sources: /sources/2/keys/0/env: STRIPE_SECRET is not set',
    'sources: /sources/3/colour: is unknown',
    'sources: /sources/4/name: is missing',
    'sources: /sources/4/keys: must NOT have fewer than 1 items',
    'sources: /sources/5: must be object',
    'sources: /sources/3/name: is the name of another source',
  ]);
});

const NO_FIT = 'must be 1 to 32 of a-z, 0-9 and -, with no - at an end';

test('one source is read whatever is wrong with the others, and its own faults are named', () => {
  const sources = [{ name: 'a' }, { name: 'b', scheme: 'github', keys: KEYS }, 1];
  write('sources.json', JSON.stringify({ sources }));
  const { name, keys } = readSource(FILE, ENV, 'b') ?? {};
  assert.deepEqual([name, keys], ['b', [{ id: 'main', secret: 'shh-a-secret', retired: false }]]);
  assert.equal(readSource(FILE, ENV, 'c'), undefined);
  assert.throws(
    () => readSource(FILE, {}, 'b'),
    new SourcesError([{ pointer: '/sources/1/keys/0/env', what: 'THE_KEY is not set' }]),
  );
  assert.throws(() => readSource(join(folder, 'nowhere'), ENV, 'b'), /sources: cannot be read: ENOENT/);
});

test('names', () => {
  for (const name of ['-a', 'a-', '', 'a'.repeat(33), 'A', 'a_b', 'a/b'])
    assert.deepEqual(faultsOf(one({ name })), [`sources: /sources/0/name: ${NO_FIT}`], name);
  assert.deepEqual(faultsOf(one({ name: 'batch' })), [
    'sources: /sources/0/name: must not be batch: /webhook/batch is a route of its own',
  ]);
  for (const name of ['a', 'a-1', '0'.repeat(32)]) assert.deepEqual(faultsOf(one({ name })), []);
});

test('keys: one source of each, not empty, not malformed, no id twice, one that is not retired', () => {
  write('empty', '\n');
  write('two-lines', 'shh\n\n');
  write('binary', Buffer.from([0xff, 0xfe]));
  const key = (...keys: object[]): string[] =>
    faultsOf(one({ keys: keys.map((each, index) => ({ id: `k${index}`, ...each })) })).map((line) =>
      line.replace('sources: /sources/0/keys', ''),
    );
  const control = 'has white space around it, or a line break or another control character in it';
  assert.deepEqual(key({}), ['/0: must have either "env" or "file"']);
  assert.deepEqual(key({ env: 'THE_KEY', file: 'empty' }), ['/0: must have either "env" or "file"']);
  assert.deepEqual(key({ env: 'EMPTY' }), ['/0/env: is empty']);
  assert.deepEqual(key({ file: 'empty' }), ['/0/file: is empty']);
  assert.deepEqual(key({ file: 'two-lines' }), [`/0/file: ${control}`]);
  assert.deepEqual(key({ file: 'binary' }), ['/0/file: holds no key']);
  assert.deepEqual(key({ file: 'shh-a-secret-in-a-wrong-place' }), ['/0/file: cannot be read: ENOENT']);
  assert.deepEqual(key({ env: 'whsec_shh' }), ['/0/env: must be the name of a variable: A-Z, 0-9 and _']);
  assert.deepEqual(key({ env: 'JBSWY3DPEHPK3PXP' }), ['/0/env: this variable is not set']);
  assert.deepEqual(key({ secret: 'shh' }), [
    '/0/secret: is unknown: a secret is named by "env" or "file", and never stands in this file',
  ]);
  assert.deepEqual(key({ 'whsec_shh!': 1, env: 'THE_KEY' }), ['/0: has a member that is unknown here']);
  assert.deepEqual(key({ env: 'THE_KEY', retired: true }), [': must have one key that is not retired']);
  assert.deepEqual(key({ env: 'THE_KEY', id: 'x' }, { env: 'OTHER_KEY', id: 'x' }), [
    '/1/id: is the id of another key',
  ]);
  assert.deepEqual(key(...Array.from({ length: 9 }, () => ({ env: 'THE_KEY' }))), [
    ': must NOT have more than 8 items',
  ]);
});

test('a key that is not of the form of its scheme is a fault', () => {
  for (const [scheme, words] of [
    ['discord', 'must be 64 hex digits'],
    ['sendgrid', 'must be a public key on P-256: SPKI in base64'],
    ['standard-webhooks', 'must be whsec_, or whpk_ of a public key, and base64'],
  ])
    assert.deepEqual(faultsOf(one({ scheme })), [`sources: /sources/0/keys/0/env: ${words}`]);
});

const SIGNATURE = { header: 'X-S', algorithm: 'sha256', encoding: 'hex', key: 'utf8' };
const TIMESTAMP = { header: 'X-T', unit: 's' };

test('members that belong to some schemes, and what they demand of each other', () => {
  const faults = (more: object): string[] =>
    faultsOf(one(more)).map((line) => line.replace('sources: /sources/0', ''));
  const generic = (signature: object, more: object = {}): string[] =>
    faults({ scheme: 'generic', signature: { ...SIGNATURE, ...signature }, ...more });
  const url = 'https://a.example.com/x';
  assert.deepEqual(faults({ url }), ['/url: is not used: github does not sign the address here']);
  assert.deepEqual(faults({ scheme: 'square' }), ['/url: is missing: square signs the address']);
  assert.deepEqual(faults({ scheme: 'square', url: 'https://u:shh@a.example.com/' }), [
    '/url: must not have a user or a password: a secret has no place in this file',
  ]);
  assert.deepEqual(faults({ scheme: 'square', url: 'https://[' }), ['/url: must be an address']);
  assert.deepEqual(faults({ tolerance_seconds: 5 }), [
    '/tolerance_seconds: is not used: github signs no time here',
  ]);
  assert.deepEqual(faults({ scheme: 'stripe', tolerance_seconds: 0 }), ['/tolerance_seconds: must be >= 1']);
  assert.deepEqual(faults({ scheme: 'stripe', tolerance_seconds: 3_600 }), []);
  assert.deepEqual(faults({ verify_token: { env: 'THE_KEY' } }), ['/verify_token: is for meta only']);
  assert.deepEqual(faults({ dedup: { header: 'X' } }), ['/dedup: is for generic and token only']);
  assert.deepEqual(faults({ scheme: 'token' }), ['/token: is missing: token needs it']);
  assert.deepEqual(faults({ scheme: 'generic' }), ['/signature: is missing: generic needs it']);
  assert.deepEqual(faults({ max_body_bytes: 1_023 }), ['/max_body_bytes: must be >= 1024']);
  assert.match(
    faults({ mapping: { jsonata: "{ 'id': " } }).join(),
    /^\/mapping\/jsonata: is not JSONata: \S[^,]*$/,
  );
  assert.deepEqual(faults({ mapping: 'gitlab' }), [
    '/mapping: must be the name of a preset, "raw", or {"jsonata": "…"}',
  ]);
  assert.deepEqual(faults({ headers: ['Cookie', 'x-a', 'X-A', 'X-Hub-Signature-256'] }), [
    '/headers/0: must not be kept: it carries a signature or a secret',
    '/headers/3: must not be kept: it carries a signature or a secret',
    '/headers/2: stands twice',
  ]);
  assert.deepEqual(generic({}), []);
  assert.deepEqual(generic({ signed: '{body}{body}' }), ['/signature/signed: must have {body} once']);
  assert.deepEqual(generic({ signed: '{timestamp}.{body}' }), [
    '/signature/signed: has {timestamp}, and there is no "timestamp"',
  ]);
  assert.deepEqual(generic({ timestamp: TIMESTAMP }), [
    '/signature/timestamp: must be part of what is signed: "signed" has no {timestamp}',
  ]);
  assert.deepEqual(generic({ signed: '{body}{host}' }), [
    '/signature/signed: may have {body}, {timestamp}, {url} and {method}, and nothing else in braces',
  ]);
  assert.deepEqual(generic({ signed: '{url}{body}' }), ['/url: is missing: generic signs the address']);
  assert.deepEqual(generic({ signed: '{url}{body}' }, { url }), []);
  assert.deepEqual(generic({}, { tolerance_seconds: 5 }), [
    '/tolerance_seconds: is not used: generic signs no time here',
  ]);
  assert.deepEqual(
    generic({ signed: '{timestamp}{body}', timestamp: TIMESTAMP }, { tolerance_seconds: 5 }),
    [],
  );
  assert.deepEqual(generic({}, { dedup: { body: 'id' } }), [
    '/dedup: must be {"header": "…"} or {"body": "/json/pointer"}',
  ]);
});

test('a file that is not there, and one that is not JSON, of which nothing is repeated', () => {
  assert.deepEqual(faultsOf('{\n"sources": []\n"shh-a-secret": 1}'), ['sources: is not JSON, in line 3']);
  assert.deepEqual(faultsOf('shh'), ['sources: is not JSON']);
  assert.throws(
    () => readSourcesFile(join(folder, 'none'), {}),
    /^SourcesError: sources: cannot be read: ENOENT$/,
  );
});

test('whatever the file holds, it is read or every fault has a place', () => {
  const member = fc.constantFrom(
    'name',
    'scheme',
    'keys',
    'url',
    'signature',
    'token',
    'headers',
    'mapping',
    'dedup',
  );
  const source = fc.oneof(fc.jsonValue(), fc.dictionary(member, fc.jsonValue()));
  fc.assert(
    fc.property(fc.array(source, { maxLength: 3 }), (sources) => {
      for (const line of faultsOf({ sources })) assert.match(line, /^sources: \/sources\/\d[^:]*: \S/);
    }),
  );
});
