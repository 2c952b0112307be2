/** The commands for sources against a running system: every provider's examples go in, and come out again. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { buffer } from 'node:stream/consumers';
import { sourceOf } from '@lyftr/cli/provider';
import { PROVIDERS } from '@lyftr/cli/providers';
import { exampleEvents, exampleProviders } from '@lyftr/sources/examples';
import { SNAPSHOTS_KEY } from '@lyftr/shared/metrics';
import { readSourcesFile } from '@lyftr/sources/file';
import { openSource } from '@lyftr/sources/open';
import { lyftr, lyftrWith, MAIN, type CliResult } from './cli.js';
import { eventually, Process, System, type Environment } from './system.js';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'lyftr-sources-cli-')));
const file = join(folder, 'sources.json');
const keyFile = (name: string): string => join(folder, 'secrets', name);

/** Writes the key of a source, and returns the options with which the commands sign for it. */
function writeKey(name: string): string[] {
  if (name !== 'discord' && name !== 'sendgrid') {
    const text =
      name === 'standard-webhooks' ? `whsec_${Buffer.alloc(24, 7).toString('base64')}` : `key of ${name}`;
    writeFileSync(keyFile(name), `${text}\n`);
    return [];
  }
  const { publicKey, privateKey } =
    name === 'discord' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  writeFileSync(
    keyFile(name),
    name === 'discord' ? spki.subarray(-32).toString('hex') : spki.toString('base64'),
  );
  const pem = keyFile(`${name}.pem`);
  writeFileSync(pem, privateKey.export({ format: 'pem', type: 'pkcs8' }));
  return ['--private-key', pem];
}

const sources = Object.entries(PROVIDERS).map(([name, provider]) => {
  const address = `https://hooks.example.com/webhook/${name}`;
  return sourceOf(provider, { name, address, secret: `secrets/${name}`, token: 'secrets/verify-token' });
});
const writeSources = (list: object[]): void => writeFileSync(file, JSON.stringify({ sources: list }));

const signOptions = new Map<string, string[]>();
let system: System;
let env: Environment;
before(async () => {
  mkdirSync(join(folder, 'secrets'));
  for (const { name } of sources) signOptions.set(name, writeKey(name));
  writeFileSync(keyFile('verify-token'), 'a token');
  writeSources(sources);
  system = await System.start({ SOURCES_FILE: file });
  env = { ...system.env, PORT: new URL(system.origin).port };
});
after(async () => {
  await system.stop();
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: string[]): Promise<CliResult> => lyftr(env, ...args);
const trigger = (provider: string, event: string, ...args: string[]): Promise<CliResult> =>
  run('trigger', provider, event, ...(signOptions.get(provider) ?? []), ...args);
const totalOf = async (source: string): Promise<number> =>
  (await system.get(`/messages?limit=1&source=${source}`)).json.total;

/** What the program prints, by line. */
function listening(...args: string[]): Process {
  return new Process('listen', process.execPath, [MAIN, 'listen', ...args], env);
}

/** Takes what is forwarded to it. */
async function startReceiver() {
  const received: { path: string; headers: IncomingHttpHeaders; body: Buffer }[] = [];
  const server = createServer((req, res) => {
    void buffer(req).then((body) => {
      received.push({ path: req.url ?? '', headers: req.headers, body });
      res.writeHead(202).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { received, origin, close: () => server.close() };
}

/** The number of messages of each example. */
const MESSAGES: Record<string, number> = { 'whatsapp/many': 4 };
const ANSWERS: Record<string, string> = { slack: '200', twilio: '200 <Response/>', discord: '204' };

for (const provider of exampleProviders())
  test(`the examples of ${provider} are accepted, each as a new message`, async () => {
    let expected = 0;
    for (const event of exampleEvents(provider)) {
      const { code, stdout, stderr } = await trigger(provider, event);
      assert.deepEqual([code, stderr, stdout], [0, '', `${ANSWERS[provider] ?? '200 {"status":"ok"}'}\n`]);
      const again = await trigger(provider, event, '--json');
      const { source, status } = JSON.parse(again.stdout);
      assert.deepEqual([source, status], [provider, provider === 'discord' ? 204 : 200]);
      expected += 2 * (MESSAGES[`${provider}/${event}`] ?? 1);
    }
    await eventually('all are stored', async () => (await totalOf(provider)) === expected);
  });

test('trigger --same is one message however often it comes, and a source is found or named', async () => {
  const count = await totalOf('github');
  for (let i = 0; i < 2; i++) assert.equal((await trigger('github', 'push', '--same')).code, 0);
  await eventually('one is stored', async () => (await totalOf('github')) === count + 1);
  const { code, stdout } = await run('trigger', 'github');
  assert.deepEqual([code, stdout], [0, 'github issues\ngithub ping\ngithub push\n']);
  // two sources of one provider
  const second = { ...sources.find(({ name }) => name === 'github'), name: 'code' };
  const two = join(folder, 'two.json');
  writeFileSync(two, JSON.stringify({ sources: [...sources, second] }));
  const unnamed = await trigger('github', 'push', '--sources', two);
  assert.equal(unnamed.code, 64);
  assert.match(unnamed.stderr, /has the sources github, code of github: name one with --source\n$/);
  const named = await trigger('github', 'push', '--sources', two, '--source', 'github');
  assert.equal(named.code, 0);
});

test('send signs a file for its source, with the headers and the id that are given', async () => {
  const parties = '"sender": {"login": "ada"}, "repository": {"full_name": "a/b"}';
  const body = `{"action" : "opened", "id": 12345678901234567890,\n "issue": {"title": "by hand"}, ${parties}}\n`;
  const sending = () =>
    lyftrWith(
      body,
      env,
      'send',
      '-',
      '--source',
      'github',
      '--delivery-id',
      'by-hand',
      '-H',
      'X-GitHub-Event: issues',
      '--content-type',
      'application/json; charset=utf-8',
    );
  for (let i = 0; i < 2; i++) assert.equal((await sending()).stdout, '200 {"status":"ok"}\n');
  const { text, delivery } = await eventually('it is stored', async () => {
    const { status, json } = await system.get('/messages/github:by-hand');
    return status === 200 && json;
  });
  assert.equal(text, 'issues.opened: by hand');
  assert.deepEqual([delivery.body, delivery.content_type], [body, 'application/json; charset=utf-8']);
});

test('send signs a query, and a body for Twilio that is not a form', async () => {
  const count = await totalOf('twilio');
  const form = new URLSearchParams({ MessageSid: `SM${'9'.repeat(32)}`, From: '+1', To: '+2', Body: 'a b' });
  const signed = await lyftrWith(
    form.toString(),
    env,
    'send',
    '-',
    '--source',
    'twilio',
    '--query',
    'a=1&b=%2F',
  );
  assert.deepEqual([signed.code, signed.stdout], [0, '200 <Response/>\n']);
  await eventually('it is stored', async () => (await totalOf('twilio')) === count + 1);
  const json = await lyftrWith('{"a":"%"}', env, 'send', '-', '--source', 'twilio');
  assert.deepEqual([json.code, json.stdout], [0, '200 <Response/>\n']);
});

test('a delivery that is not accepted is exit code 1', async () => {
  const other = join(folder, 'other.json');
  writeFileSync(keyFile('wrong'), 'another key');
  writeFileSync(
    other,
    JSON.stringify({
      sources: [{ name: 'stripe', scheme: 'stripe', keys: [{ id: 'a', file: 'secrets/wrong' }] }],
    }),
  );
  const { code, stdout, stderr } = await trigger('stripe', 'customer.created', '--sources', other);
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /^lyftr: POST \/webhook\/stripe returned 401: /);
});

test('list has every source with the use of its key', async () => {
  const { code, stdout } = await run('sources', 'list');
  assert.equal(code, 0);
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines.length, sources.length + 1);
  assert.match(lines[0] ?? '', /^name +scheme +mapping +accepted +rejected +last +keys$/);
  await eventually('the use of the key is told', async () =>
    /^whatsapp +meta +whatsapp +6 +0 +\d+\w+( \w+)? ago +main \(used /m.test(
      (await run('sources', 'list')).stdout,
    ),
  );
  const { data, faults } = JSON.parse((await run('sources', 'list', '--json')).stdout);
  assert.deepEqual([data.length, faults], [sources.length, []]);
});

test('reload takes over a new source, and with a fault the old ones stay', async () => {
  const added = await run('sources', 'init', 'github', '--name', 'code', '--file', file);
  assert.equal(added.code, 0, added.stderr);
  const signing = ['--source', 'code'];
  assert.equal((await trigger('github', 'push', ...signing)).code, 1);
  const reloaded = await run('sources', 'reload', '--json');
  assert.equal(reloaded.code, 0, reloaded.stderr);
  const { reloaded: processes, not_reached, loaded_at } = JSON.parse(reloaded.stdout);
  assert.deepEqual(processes.map(({ service }: { service: string }) => service).toSorted(), [
    'ingest',
    'query',
    'writer',
  ]);
  assert.deepEqual(not_reached, []);
  assert.ok(Date.parse(loaded_at) > 0);
  assert.equal((await trigger('github', 'push', ...signing)).code, 0);

  const good = readFileSync(file, 'utf8');
  writeFileSync(file, good.replace('"scheme": "stripe"', '"scheme": "strip"'));
  // the second time, the faults are the ones of before
  for (let i = 0; i < 2; i++) {
    const { code, stdout, stderr } = await run('sources', 'reload');
    assert.deepEqual([code, stdout], [78, '']);
    assert.match(stderr, /^sources: \/sources\/\d+\/scheme: must be one of [^\n]+\n$/);
  }
  assert.match((await run('sources', 'list')).stdout, /^FAULT {2}\/sources\/\d+\/scheme: /m);
  assert.equal((await trigger('github', 'push', ...signing)).code, 0);
  writeFileSync(file, good);
  const repaired = await run('sources', 'reload');
  assert.deepEqual([repaired.code, repaired.stderr], [0, '']);
  assert.match(
    repaired.stdout,
    /^ingest {2}read the file {2}\S+\nwriter {2}read the file {2}\S+\nquery {3}read /,
  );
});

test('reload reaches no process of another machine, and says so', async () => {
  const [text = ''] = Object.values(await system.redis.hgetall(SNAPSHOTS_KEY));
  const snapshot = JSON.parse(text);
  const instance = `elsewhere-${snapshot.pid}-0000000000000000`;
  const elsewhere = { ...snapshot, instance, at: Date.now() + 60_000 };
  await system.redis.hset(SNAPSHOTS_KEY, instance, JSON.stringify(elsewhere));
  const { code, stdout } = await run('sources', 'reload');
  await system.redis.hdel(SNAPSHOTS_KEY, instance);
  assert.equal(code, 1);
  assert.match(stdout, /NOT REACHED {4}elsewhere-/);
});

test('a delivery without a rule is a dead letter, which a corrected mapping replays', async () => {
  const written = JSON.parse(readFileSync(file, 'utf8'));
  const phone = { name: 'phone', scheme: 'meta', keys: [{ id: 'main', file: 'secrets/whatsapp' }] };
  const reloadWith = async (source: object): Promise<void> => {
    writeFileSync(file, JSON.stringify({ ...written, sources: [...written.sources, source] }));
    assert.equal((await run('sources', 'reload')).code, 0);
  };
  await reloadWith(phone);
  const value = {
    metadata: { display_phone_number: '1' },
    messages: [{ id: 'm', from: '2', type: 'hologram' }],
  };
  const body = JSON.stringify({ entry: [{ changes: [{ field: 'messages', value }] }] });
  assert.equal((await lyftrWith(body, env, 'send', '-', '--source', 'phone')).code, 0);
  const id = await eventually('it is a dead letter', async () => {
    const { stdout } = await run('dead-letters', 'list', '--json');
    return JSON.parse(stdout).data.find(({ kind }: { kind: string }) => kind === 'unmapped_delivery')?.id;
  });
  const { stdout: shown } = await run('dead-letters', 'show', String(id));
  assert.ok(shown.split('\n').includes(`raw          ${body}`), shown);
  assert.match(shown, /^delivery {5}\{.*"pointers":\["\/entry\/0\/changes\/0\/value\/messages\/0"\].*\}$/m);

  await reloadWith({ ...phone, mapping: 'raw' });
  const { stdout } = await run('dead-letters', 'replay', String(id));
  assert.equal(stdout, `dead letter ${id}: 1 delivery acknowledged, and the dead letter was discarded\n`);
  await eventually('it is a message', async () => (await totalOf('phone')) === 1);
  assert.equal((await system.get('/messages?source=phone&q=hologram')).json.data[0].text, body);
});

test('listen prints what arrives, by its filters, and ends in order', async () => {
  const all = listening();
  const some = listening('--source', 'stripe', '--q', 'ORDER', '--json');
  try {
    await eventually(
      'both listen',
      () => all.logged('listening to') && some.lines.some((line) => line['listening']),
    );
    assert.equal((await trigger('slack', 'message')).code, 0);
    assert.equal((await trigger('stripe', 'customer.created')).code, 0);
    assert.equal((await trigger('stripe', 'payment_intent.succeeded')).code, 0);
    assert.equal((await run('send', '--from', '1', '--to', '2', '--text', 'plain\u001b[2J')).code, 0);
    await eventually('all four', () => all.lines.length === 5);
    const shown = all.lines.slice(1).map(({ msg }) => String(msg));
    for (const expected of [
      /^\d{4}-\S+T\S+ {2}slack {2}U0EXAMPLE → C0EXAMPLE {2}The deploy is done\.$/,
      / {2}stripe {2}acct_Example0001 → cus_Example0002 {2}customer\.created$/,
      / {2}stripe {2}cus_Example0001 → pi_Example0001 {2}payment_intent\.succeeded: Order 1001$/,
      / {2}- {2}1 → 2 {2}plain\\u\{1b\}\[2J$/,
    ])
      assert.equal(shown.filter((line) => expected.test(line)).length, 1, shown.join('\n'));
    await eventually('one of them', () => some.lines.length === 2);
    const second = some.lines[1]?.['message'] as { source: string } | undefined;
    assert.equal(second?.source, 'stripe');
  } finally {
    assert.equal(await all.stop('SIGINT'), 0);
    assert.equal(await some.stop('SIGTERM'), 0);
  }
});

test('listen forwards each delivery once, byte for byte, and signs it when it is asked to', async () => {
  const receiver = await startReceiver();
  const target = `${receiver.origin}/hooks?a=1`;
  const listen = listening('--forward', target, '--sign');
  try {
    await eventually('it listens', () => listen.logged('listening to'));
    assert.equal((await trigger('whatsapp', 'many', '--source', 'whatsapp')).code, 0);
    assert.equal((await trigger('github', 'issues', '--source', 'code')).code, 0);
    assert.equal((await run('send', '--from', '1', '--to', '2', '--id', 'plain-1')).code, 0);
    await eventually('six messages, each with its line', () => listen.lines.length === 1 + 2 * 6);
    assert.equal(receiver.received.length, 3);
    const said = listen.lines.map(({ msg }) => String(msg));
    assert.equal(said.filter((line) => line === `    202 from ${target}`).length, 3, said.join('\n'));
    assert.equal(said.filter((line) => line.includes('with the message before it')).length, 3);

    const byName = new Map(
      readSourcesFile(file, {}).sources.map((settings) => [settings.name, openSource(settings)]),
    );
    const [many, issue, plain] = ['whatsapp_business_account', '"opened"', 'plain-1'].map((text) =>
      receiver.received.find((each) => each.body.includes(text)),
    );
    assert.ok(many !== undefined && issue !== undefined && plain !== undefined);
    const id = /wamid\.\w+/.exec(many.body.toString())?.[0] ?? '';
    const stored = (await system.get(`/messages/${encodeURIComponent(`whatsapp:${id}`)}`)).json;
    assert.equal(many.body.toString(), stored.delivery.body);
    for (const [name, { path, headers, body: sent }] of [
      ['whatsapp', many],
      ['code', issue],
    ] as const) {
      assert.equal(path, '/hooks?a=1');
      const request = { method: 'POST', url: path, headers, body: sent, nowMs: Date.now() };
      assert.ok('ok' in (byName.get(name)?.verify(request) ?? {}), name);
    }
    assert.equal(issue.headers['x-github-event'], 'issues');
    assert.equal(issue.headers['content-type'], 'application/json');
    assert.equal(JSON.parse(plain.body.toString()).message_id, 'plain-1');
  } finally {
    receiver.close();
    assert.equal(await listen.stop('SIGINT'), 0);
  }
});

test('listen says why it could not forward, and outlives the system', async () => {
  const listen = listening('--forward', 'http://127.0.0.1:9/');
  try {
    await eventually('it listens', () => listen.logged('listening to'));
    assert.equal((await trigger('telegram', 'message')).code, 0);
    await eventually('it says why', () => listen.logged('NOT FORWARDED to http://127.0.0.1:9/: '));
    await system.process('ingest').stop();
    await eventually('it waits', () => listen.logged('; trying again'));
    await system.startIngest({ PORT: env['PORT'] as string });
    assert.equal((await trigger('gitlab', 'push')).code, 0);
    await eventually('it goes on', () => listen.logged('gitlab → token'));
  } finally {
    assert.equal(await listen.stop('SIGINT'), 0);
  }
});

test('an export with deliveries is imported into another system, and its messages are the same', async () => {
  const exported = join(folder, 'all.ndjson');
  const { code } = await run('export', '--deliveries', '-o', exported);
  assert.equal(code, 0);
  const other = await System.start({ SOURCES_FILE: file, WEBHOOK_SECRET: 'of the other system' });
  try {
    const otherEnv = { ...other.env, PORT: new URL(other.origin).port };
    const refused = await lyftr({ ...otherEnv, WEBHOOK_SECRET: 'wrong' }, 'import', exported);
    assert.equal(refused.code, 1);
    const imported = await lyftr(otherEnv, 'import', exported, '--json');
    assert.equal(imported.code, 0, imported.stdout);
    const { acknowledged, deliveries } = JSON.parse(imported.stdout);
    assert.ok(acknowledged === 2 && deliveries >= 20, imported.stdout);
    const allOf = async (of: System) => (await of.get('/export')).text.trimEnd().split('\n').toSorted();
    const expected = await allOf(system);
    await eventually('all are stored', async () => (await allOf(other)).length === expected.length);
    assert.deepEqual(await allOf(other), expected);
    const [{ message_id }] = (await other.get('/messages?limit=1&source=whatsapp')).json.data;
    const path = `/messages/${encodeURIComponent(message_id)}`;
    const { delivery } = (await other.get(path)).json;
    const { delivery: original } = (await system.get(path)).json;
    assert.deepEqual({ ...delivery, imported: undefined }, { ...original, imported: undefined });
    assert.equal(delivery.imported, true);
    // again: nothing new
    assert.equal((await lyftr(otherEnv, 'import', exported)).code, 0);
    await eventually('nothing waits', async () => (await other.get('/ledger')).json.waiting === 0);
    assert.equal((await allOf(other)).length, expected.length);
  } finally {
    await other.stop();
  }
});

test('npm start names every fault of the file before it starts anything', async () => {
  const faulty = join(folder, 'faulty.json');
  writeFileSync(
    faulty,
    JSON.stringify({ sources: [{ name: 'a', scheme: 'stripe', keys: [{ id: 'x', env: 'NONE' }] }, 1] }),
  );
  const settings = { DATA_DIR: join(folder, 'data'), SOURCES_FILE: faulty };
  const { code, stdout, stderr } = await lyftr(settings, 'up');
  assert.deepEqual(
    [code, stdout, stderr],
    [78, '', 'sources: /sources/0/keys/0/env: NONE is not set\nsources: /sources/1: must be object\n'],
  );
  const json = await lyftr(settings, 'up', '--json');
  assert.deepEqual(JSON.parse(json.stderr).error.faults, [
    '/sources/0/keys/0/env: NONE is not set',
    '/sources/1: must be object',
  ]);
});
