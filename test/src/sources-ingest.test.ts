/** Sources at ingest's own processes: the start, the reload at SIGHUP under load, and what Redis is told. */
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { KEYS_USED_KEY, REJECTS_KEY, type Reject } from '@lyftr/shared/sources';
import { openSigner } from '@lyftr/sources/open';
import { eventually, Process, SECRET, System } from './system.js';

const CONNECTIONS = 64;
const PROCESSES = 2;

const folder = mkdtempSync(join(tmpdir(), 'lyftr-sources-'));
const file = join(folder, 'sources.json');
const keyFile = (id: string): string => join(folder, id);
const github = (name: string, ids: readonly string[], retired: readonly string[] = []): object => ({
  name,
  scheme: 'github',
  keys: [
    ...ids.map((id) => ({ id, file: keyFile(id) })),
    ...retired.map((id) => ({ id, file: keyFile(id), retired: true })),
  ],
});
const write = (...sources: object[]): void => writeFileSync(file, JSON.stringify({ sources }));

const system = new System({ SOURCES_FILE: file, INGEST_PROCESSES: String(PROCESSES) });
before(async () => {
  for (const id of ['old', 'new']) writeFileSync(keyFile(id), `the ${id} key\n`);
  write(github('code', ['old']));
  await system.startRedis();
  await system.startIngest();
});
after(async () => {
  await system.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  write(github('code', ['old']));
  await reload();
});

const signers = { old: signerOf('old'), new: signerOf('new') };
function signerOf(id: string) {
  return openSigner({ name: 'code', scheme: 'github' }, `the ${id} key`);
}

const ingestLog = () => system.process('ingest').lines;

/** Resolves when every child has read the file, with or without a fault. */
async function reload(text = 'read the sources file'): Promise<void> {
  const count = () => ingestLog().filter(({ msg }) => String(msg).includes(text)).length;
  const already = count();
  process.kill(system.process('ingest').child.pid as number, 'SIGHUP');
  await eventually('every process has read the file', () => count() >= already + PROCESSES);
}

interface Client {
  agent: Agent;
  closed: number;
}

function createClient(): Client {
  const client = { agent: new Agent({ keepAlive: true, maxSockets: 1 }), closed: 0 };
  const create = client.agent.createConnection.bind(client.agent);
  client.agent.createConnection = (...all) => {
    const socket = create(...all) as Socket;
    socket.on('close', () => client.closed++);
    return socket;
  };
  return client;
}

function post(client: Client, key: keyof typeof signers, body: string, name = 'code'): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { ...signers[key]({ body }), 'content-length': Buffer.byteLength(body) };
    const sent = request(`${system.origin}/webhook/${name}`, {
      method: 'POST',
      agent: client.agent,
      headers,
    });
    sent.on('error', reject);
    sent.on('response', (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode as number));
    });
    sent.end(body);
  });
}

test('SIGHUP under load closes no connection and refuses nothing, and a faulty file changes nothing', async () => {
  const clients = Array.from({ length: CONNECTIONS }, createClient);
  let isOver = false;
  let sentCount = 0;
  const statuses = new Map<number, number>();
  const loads = clients.map(async (client, index) => {
    for (let i = 0; !isOver; i++) {
      const status = await post(client, 'old', JSON.stringify({ index, i }));
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      sentCount++;
    }
  });
  const goOn = async (): Promise<void> => {
    const from = sentCount;
    await eventually('the load goes on', () => sentCount >= from + 500);
  };
  await goOn();
  const probe = createClient();
  for (let round = 0; round < 3; round++) {
    write(github('code', ['new', 'old']), github(`more-${round}`, ['new']));
    await reload();
    assert.equal(await post(probe, 'new', '{}'), 200);
    assert.equal(await post(probe, 'new', '{}', `more-${round}`), 200);
    await goOn();
    write(github('code', ['new', 'old']), { name: 'code', scheme: 'paypal', secret: 'a secret in the file' });
    await reload('sources: /sources/1/scheme');
    assert.equal(await post(probe, 'new', '{}', `more-${round}`), 200);
    await goOn();
  }
  isOver = true;
  await Promise.all(loads);
  assert.deepEqual([...statuses.keys()], [200]);
  assert.equal(
    clients.reduce((sum, { closed }) => sum + closed, 0),
    0,
  );
  for (const { agent } of [...clients, probe]) agent.destroy();
  const lines = JSON.stringify(ingestLog());
  assert.match(lines, /"level":"error"[^}]*sources: \/sources\/1\/scheme: must be one of/);
  for (const secret of ['a secret in the file', 'the old key', 'the new key', SECRET])
    assert.ok(!lines.includes(secret));
});

test('a retired key is refused, and the reason is in the list', async () => {
  await system.redis.del(REJECTS_KEY, KEYS_USED_KEY);
  const client = createClient();
  assert.equal(await post(client, 'old', '{}'), 200);
  write(github('code', ['new'], ['old']));
  await reload();
  assert.equal(await post(client, 'old', '{"a":1}'), 401);
  assert.equal(await post(client, 'new', '{}'), 200);
  const text = await eventually('it is noted', () =>
    system.redis.lindex(REJECTS_KEY, 0).then((each) => each ?? false),
  );
  const { source, reason, near, key, bytes } = JSON.parse(text) as Reject;
  assert.deepEqual([source, reason, near, key, bytes], ['code', 'wrong', 'retired-key', 'old', 7]);
  const used = await eventually('both uses are written', async () => {
    const all = await system.redis.hgetall(KEYS_USED_KEY);
    return Object.keys(all).length === 2 && all;
  });
  assert.ok(Number(used['code/new']) >= Number(used['code/old']));
  client.agent.destroy();
});

test('a child that ends while the file has a fault takes no other with it', async () => {
  write({ name: 'code' });
  await reload('sources: /sources/0/scheme: is missing');
  const pids = new Set(ingestLog().map(({ pid }) => pid as number));
  const own = system.process('ingest').child.pid as number;
  const children = [...pids].filter((pid) => pid !== own);
  process.kill(children[0] as number, 'SIGKILL');
  await eventually('one could not start', () => system.process('ingest').logged('an ingest process exited'));
  await eventually('it ended with the code for settings', () =>
    ingestLog().some(({ code, msg }) => code === 78 && String(msg).includes('exited')),
  );
  const client = createClient();
  assert.equal(await post(client, 'old', '{}'), 200);
  client.agent.destroy();
  write(github('code', ['old']));
  const listening = () => ingestLog().filter(({ msg }) => msg === 'listening').length;
  const started = listening();
  await eventually('another one starts', () => listening() > started);
});

test('a file with faults ends the start with 78, each fault in one line', async () => {
  const bad = join(folder, 'bad.json');
  const entry = { id: 'a', env: 'NOT_SET_HERE' };
  writeFileSync(
    bad,
    JSON.stringify({ sources: [{ name: 'a', scheme: 'github', keys: [entry] }, { name: 'b' }] }),
  );
  for (const INGEST_PROCESSES of ['1', '3']) {
    const env = { ...system.env, SOURCES_FILE: bad, INGEST_PROCESSES };
    const ingest = new Process('bad', process.execPath, ['services/ingest/dist/main.js'], env);
    const [code] = await ingest.ended;
    assert.equal(code, 78);
    assert.deepEqual(
      ingest.lines.map(({ level, msg }) => `${String(level)} ${String(msg)}`),
      [
        'fatal sources: /sources/0/keys/0/env: NOT_SET_HERE is not set',
        'fatal sources: /sources/1/scheme: is missing',
        'fatal sources: /sources/1/keys: is missing',
      ],
    );
  }
});
