/** Redis over TLS, with a user that may do no more than Lyftr needs; and what is said when it is refused. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { eventually, Process, System, type Answer } from './system.js';

/** Characters that a URL has to escape. */
const PASSWORD = 'pass/word?with#signs@';
const HIDDEN = [PASSWORD, encodeURIComponent(PASSWORD), 'pass/word', 'pass%2Fword'];

const ARCHITECTURE = fileURLToPath(new URL('../../ARCHITECTURE.md', import.meta.url));
const RULES = (
  /^ACL SETUSER lyftr on >PASSWORD (.+)$/m.exec(readFileSync(ARCHITECTURE, 'utf8'))?.[1] ?? ''
).split(' ');

let system: System;
let port: number;
const lines: string[] = [];

const urlWith = (password: string) => `rediss://lyftr:${encodeURIComponent(password)}@127.0.0.1:${port}`;
const file = (name: string) => join(system.dir, name);

/** A CA, and with it a certificate for 127.0.0.1. */
function makeCertificates(): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: system.dir, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  for (const ca of ['ca', 'other-ca'])
    openssl('req', '-x509', ...key, '-keyout', `${ca}.key`, '-out', `${ca}.crt`, '-subj', `/CN=${ca}`);
  openssl('req', ...key, '-keyout', 'redis.key', '-out', 'redis.csr', '-subj', '/CN=redis');
  writeFileSync(file('names'), 'subjectAltName=IP:127.0.0.1');
  const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names'];
  openssl('x509', '-req', '-in', 'redis.csr', ...signed, '-out', 'redis.crt');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port: free } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return free;
}

/** The user with the documented rights, less or more what `changes` say. */
async function setUser(...changes: string[]): Promise<void> {
  await system.redis.acl('SETUSER', 'lyftr', 'reset', 'on', `>${PASSWORD}`, ...RULES, ...changes);
}

before(async () => {
  system = new System();
  makeCertificates();
  port = await freePort();
  const certificate = ['--tls-cert-file', file('redis.crt'), '--tls-key-file', file('redis.key')];
  const tls = ['--tls-port', String(port), ...certificate, '--tls-ca-cert-file', file('ca.crt')];
  await system.startRedis([...tls, '--tls-auth-clients', 'no']);
  await setUser();
  system.env['REDIS_URL'] = urlWith(PASSWORD);
  system.env['NODE_EXTRA_CA_CERTS'] = file('ca.crt');
  await system.startServices();
  await taken('first');
});
after(() => system.stop());

const bodyOf = (id: string) => JSON.stringify({ message_id: id, from: 'a', to: 'b', ts: 1, text: 'hi' });

/** Sent until it is acknowledged, and then stored. */
async function taken(id: string): Promise<void> {
  await eventually(`${id} is acknowledged`, async () => (await system.post(bodyOf(id))).status === 200);
  await eventually(`${id} is stored`, async () => (await system.get(`/messages/${id}`)).status === 200);
}

/** Stops a service and remembers what it has logged. */
async function stop(name: string): Promise<void> {
  const service = system.process(name);
  await service.stop();
  lines.push(...service.lines.map((line) => JSON.stringify(line)));
}

const redisStateOf = async (origin: string): Promise<string> => {
  const response = await fetch(`${origin}/readyz`);
  const ready = (await response.json()) as { dependencies: { redis: string } };
  return ready.dependencies.redis;
};

/** Reasons that a service has logged since it had `from` lines. */
const reasonsOf = (service: Process, from = 0) =>
  service.lines.slice(from).flatMap(({ reason }) => (typeof reason === 'string' ? [reason] : []));

function isUnavailable(answer: Answer): void {
  assert.equal(answer.status, 503, answer.text);
  assert.ok(Number(answer.headers.get('retry-after')) > 0);
}

/**
 * The services say what to change: in `/readyz`, and in one line of the log however long it lasts. While it is ingest, the
 * sender gets 503.
 */
async function refused(
  what: RegExp,
  names: readonly string[] = ['ingest', 'writer'],
  from: ReadonlyMap<string, number> = new Map(),
): Promise<void> {
  for (const name of names) {
    const origin = `http://127.0.0.1:${await system.process(name).port()}`;
    await eventually(`${name} says ${what}`, async () => {
      if (name === 'ingest') isUnavailable(await system.post(bodyOf('refused')));
      return what.test(await redisStateOf(origin));
    });
  }
  // long enough for another try of each
  await delay(1_500);
  for (const name of names) {
    const reasons = reasonsOf(system.process(name), from.get(name)).filter((reason) => what.test(reason));
    assert.equal(reasons.length, 1, name);
  }
  if (names.includes('ingest')) isUnavailable(await system.post(bodyOf('refused')));
}

async function restart(env: Record<string, string> = {}): Promise<void> {
  await Promise.all([stop('ingest'), stop('writer')]);
  await Promise.all([system.startService('writer', env), system.startIngest(env)]);
}

test('the documented rights are enough: intake, storage, figures, ledger, and the takeover of a killed writer', async () => {
  await system.process('writer').stop();
  // dies with the job in hand
  const dying = await system.startService('writer', { CRASH_AT: 'after-commit' });
  assert.equal((await system.post(bodyOf('waits'))).status, 200);
  await dying.ended;
  await system.startService('writer');
  await taken('waits');
  assert.equal((await system.get('/readyz')).status, 200);
  await eventually('the figures of every process', async () => {
    const { text } = await system.get('/metrics');
    return /^lyftr_redis_up 1$/m.test(text) && /^webhook_accepted_total 3$/m.test(text);
  });
  // what is published once a second may be a second old
  await eventually('the ledger', async () => {
    const { json: ledger } = await system.get('/ledger');
    return ledger.accepted === 3 && ledger.waiting === 0 && ledger.missing.messages === 0;
  });
  const denied = (await system.redis.acl('LOG')) as unknown[];
  // the clients introduce themselves, and do without when they may not
  const others = denied.filter((entry) => !/client\|setinfo|client\|setname/.test(String(entry)));
  assert.deepEqual(others, []);
});

test('and they are no more than that', async () => {
  const ca = readFileSync(file('ca.crt'));
  const client = new Redis(urlWith(PASSWORD), { tls: { ca } });
  try {
    await system.redis.set('somebody:else', '1');
    const forbidden: (() => Promise<unknown>)[] = [
      () => client.get('somebody:else'),
      () => client.set('somebody:else', '2'),
      () => client.flushall(),
      () => client.keys('*'),
      () => client.config('SET', 'appendfsync', 'no'),
      () => client.acl('LIST'),
      () => client.shutdown(),
    ];
    for (const attempt of forbidden) await assert.rejects(attempt, /NOPERM/);
  } finally {
    client.disconnect();
  }
});

test(
  'a right that is missing is named, and it goes on as soon as it is given',
  { timeout: 300_000 },
  async () => {
    for (const [change, what, names] of [
      ['-evalsha', /\+evalsha/, ['ingest']],
      ['-hmset', /\+@read \+@write/, ['ingest']],
      ['-eval', /\+eval/, ['writer']],
      ['-bzpopmin', /\+bzpopmin/, ['writer']],
      ['resetkeys', /~lyftr:\*/, ['ingest', 'writer']],
    ] as const) {
      const from = new Map(names.map((name) => [name, system.process(name).lines.length]));
      await setUser(change);
      await refused(what, names, from);
      await setUser();
      await taken(`after ${change}`);
    }
    // these are asked for at the start
    for (const right of ['config|get', 'info']) {
      await setUser(`-${right}`);
      await restart();
      await refused(new RegExp(`\\+${right.replace('|', '\\|')}`), ['ingest']);
      await setUser();
      await taken(`after ${right}`);
    }
  },
);

test('a wrong password, and then the right one', { timeout: 300_000 }, async () => {
  await restart({ REDIS_URL: urlWith('pass/word?that#is@wrong') });
  await refused(/correct them in REDIS_URL/);
  await restart();
  await taken('the right password');
});

test('a certificate of another CA', { timeout: 300_000 }, async () => {
  await restart({ NODE_EXTRA_CA_CERTS: file('other-ca.crt') });
  await refused(/certificate.*NODE_EXTRA_CA_CERTS/);
  await restart();
  await taken('the right CA');
});

test('a database that is refused is not replaced by another', { timeout: 300_000 }, async () => {
  await restart({ REDIS_URL: `${urlWith(PASSWORD)}/1` });
  await refused(/\+select/);
  await setUser('+select');
  await taken('in database 1');
  await restart();
  await taken('in database 0');
});

test('query goes on without Redis, and says why', async () => {
  await stop('query');
  const query = await system.startService('query', { REDIS_URL: urlWith('wrong') });
  const origin = `http://127.0.0.1:${await query.port()}`;
  const page = await (await fetch(`${origin}/metrics`)).text();
  assert.match(page, /^lyftr_redis_up 0$/m);
  assert.equal((await fetch(`${origin}/messages`)).status, 200);
  const hint = await eventually('the hint', () => query.lines.find(({ err }) => err !== undefined));
  assert.match((hint['err'] as { hint: string }).hint, /correct them in REDIS_URL/);
});

test(
  'npm start says what is wrong with REDIS_URL, and does not repeat it',
  { timeout: 300_000 },
  async () => {
    for (const name of ['ingest', 'writer', 'query']) await stop(name);
    const data = file('data of npm start');
    const env = { ...system.env, DATA_DIR: data, LOG_LEVEL: 'trace' };
    const run = (url: string) =>
      new Process('up', process.execPath, ['cli/dist/main.js', 'up'], { ...env, REDIS_URL: url });
    const unescaped = run(`rediss://lyftr:${PASSWORD}@127.0.0.1:${port}`);
    assert.deepEqual(await unescaped.ended, [78, null]);
    assert.ok(unescaped.logged('REDIS_URL must have the form'), JSON.stringify(unescaped.lines));
    const wrong = run(urlWith(`${PASSWORD}wrong`));
    await eventually(
      'told',
      () => wrong.logged('the Redis of REDIS_URL is not ready (Redis rejected'),
      30_000,
    );
    await wrong.stop();
    const right = run(urlWith(PASSWORD));
    await eventually('ready', () => right.lines.some(({ msg }) => msg === 'ready'), 30_000);
    assert.equal(right.logged('is not ready'), undefined);
    await right.stop();
    for (const { lines: said } of [unescaped, wrong, right])
      lines.push(...said.map((line) => JSON.stringify(line)));
  },
);

test('no line of any process has the password in it', () => {
  assert.ok(lines.length > 50);
  for (const line of lines) for (const secret of HIDDEN) assert.ok(!line.includes(secret), line);
});
