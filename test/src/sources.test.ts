/** Sources from end to end: what a provider sends is found as messages, kept byte for byte, and accounted for. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openSigner } from '@lyftr/sources/open';
import { readExample } from '@lyftr/sources/examples';
import type { SchemeName } from '@lyftr/sources/source';
import { eventually, freePort, System, type Answer } from './system.js';

const folder = mkdtempSync(join(tmpdir(), 'lyftr-sources-'));
const file = join(folder, 'sources.json');
const META = 'the secret of an app';
const OLD = 'the secret of last year';
const GITHUB = 'the secret of an organization';
const STRIPE = 'whsec_of_an_endpoint';

const KEYS: Record<string, { scheme: SchemeName; secret: string }> = {
  whatsapp: { scheme: 'meta', secret: META },
  code: { scheme: 'github', secret: GITHUB },
  payments: { scheme: 'stripe', secret: STRIPE },
  custom: { scheme: 'token', secret: 'the token of a sender' },
};

function writeSources(customMapping: unknown): void {
  writeFileSync(join(folder, 'meta-old'), `${OLD}\n`);
  writeFileSync(
    file,
    JSON.stringify({
      sources: [
        {
          name: 'whatsapp',
          scheme: 'meta',
          keys: [
            { id: 'app', env: 'META_SECRET' },
            { id: 'old', file: 'meta-old', retired: true },
          ],
          verify_token: { env: 'META_VERIFY' },
        },
        { name: 'code', scheme: 'github', keys: [{ id: 'org', env: 'GITHUB_SECRET' }] },
        { name: 'payments', scheme: 'stripe', keys: [{ id: 'live', env: 'STRIPE_SECRET' }] },
        {
          name: 'custom',
          scheme: 'token',
          token: { header: 'X-Token' },
          keys: [{ id: 'main', env: 'CUSTOM_TOKEN' }],
          mapping: customMapping,
        },
      ],
    }),
  );
}

let system: System;
before(async () => {
  const port = String(await freePort());
  writeSources({ jsonata: "{ 'id': body.number, 'from': body.who, 'to': 'me', 'text': body.words }" });
  system = await System.start({
    SOURCES_FILE: file,
    PORT: port,
    INGEST_URL: `http://127.0.0.1:${port}`,
    META_SECRET: META,
    META_VERIFY: 'a verify token',
    GITHUB_SECRET: GITHUB,
    STRIPE_SECRET: STRIPE,
    CUSTOM_TOKEN: KEYS['custom']?.secret as string,
  });
});
after(async () => {
  await system.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Sent {
  contentType?: string;
  headers?: Record<string, string>;
  secret?: string;
}

async function deliver(
  source: string,
  body: Buffer | string,
  { contentType = 'application/json', headers = {}, secret }: Sent = {},
): Promise<Response> {
  const key = KEYS[source] as (typeof KEYS)[string];
  const token = { header: 'X-Token' };
  const sign = openSigner({ name: source, scheme: key.scheme, token }, secret ?? key.secret);
  const path = `/webhook/${source}`;
  return fetch(system.origin + path, {
    method: 'POST',
    headers: { 'content-type': contentType, ...sign({ body, url: path }), ...headers },
    body: new Uint8Array(Buffer.from(body)),
  });
}

const found = async (query: string): Promise<Answer['json']> => (await system.get(`/messages?${query}`)).json;

async function balanced(): Promise<Answer['json']> {
  return eventually('the ledger is balanced and nothing waits', async () => {
    const { json } = await system.get('/ledger');
    return json.waiting === 0 && json.difference === 0 ? json : undefined;
  });
}

test('a delivery with three messages and a status becomes four messages, and comes twice without a change', async () => {
  const { body } = readExample('whatsapp', 'many');
  const start = await balanced();
  assert.equal((await deliver('whatsapp', body)).status, 200);
  await eventually('four are stored', async () => (await found('source=whatsapp')).total === 4);
  const receipt = await found('q=receipt%20of%20monday');
  assert.deepEqual(
    receipt.data.map((message: { message_id: string; source: string; from: string; to: string }) => message),
    [
      {
        message_id: 'whatsapp:wamid.EXAMPLEMANY0002',
        from: '15550100301',
        to: '15550100200',
        ts: 1_767_225_601,
        text: 'Receipt of Monday',
        source: 'whatsapp',
      },
    ],
  );
  assert.equal((await found('q=read&source=whatsapp')).total, 1);
  assert.equal((await deliver('whatsapp', body)).status, 200);
  const later = await eventually('the redelivery is settled', async () => {
    const ledger = await balanced();
    // ingest publishes what it acknowledged once a second
    return ledger.duplicate === start.duplicate + 4 && ledger.unconfirmed === 0 && ledger;
  });
  assert.equal((await found('source=whatsapp')).total, 4);
  assert.equal(later.created - start.created, 4);
  assert.equal(later.accepted - start.accepted, 2);
  assert.equal(later.fanout - start.fanout, 6);
  assert.equal(await system.metric('webhook_accepted_total{source="whatsapp"}'), 2);
  assert.equal(await system.metric('webhook_fanout_total'), later.fanout);
});

test('the delivery behind a message is kept byte for byte, with its headers and without its signature', async () => {
  const body =
    '{ "action" : "opened",\r\n "issue": {"title": "Ümlaut \\u0041 twice"}, "repository": {"full_name": "a/b"}, "sender": {"login": "c"}, "id": 9007199254740993 }\n';
  const headers = { 'x-github-event': 'issues', 'x-github-delivery': 'a-delivery' };
  assert.equal((await deliver('code', body, { headers })).status, 200);
  const message = await eventually('it is stored', async () => {
    const { status, json } = await system.get('/messages/code:a-delivery');
    return status === 200 && json;
  });
  assert.equal(message.text, 'issues.opened: Ümlaut A twice');
  const { delivery } = message;
  assert.equal(delivery.body, body);
  assert.equal(delivery.bytes, Buffer.byteLength(body));
  assert.deepEqual(delivery.headers, headers);
  assert.deepEqual([delivery.source, delivery.scheme, delivery.key], ['code', 'github', 'org']);
  assert.doesNotMatch(JSON.stringify(delivery), /sha256=/);
});

test('what has no rule is a dead letter with its raw body, and what has one is a message all the same', async () => {
  const message = (id: string, type: string) => ({
    id,
    type,
    from: '1555',
    timestamp: '1767225600',
    [type]: { body: `of ${type}` },
  });
  const body = JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [
      {
        changes: [
          {
            field: 'messages',
            value: {
              metadata: { display_phone_number: '1666' },
              messages: [message('known', 'text'), message('unknown', 'hologram')],
            },
          },
        ],
      },
    ],
  });
  assert.equal((await deliver('whatsapp', body)).status, 200);
  const letter = await eventually('it is put aside', async () => {
    const { json } = await system.get('/dead-letters');
    return json.data.find(({ kind }: { kind: string }) => kind === 'unmapped_delivery');
  });
  assert.equal(letter.source, 'whatsapp');
  assert.equal(letter.raw, body);
  assert.deepEqual(letter.delivery.pointers, ['/entry/0/changes/0/value/messages/1']);
  assert.equal((await system.get('/messages/whatsapp:known')).status, 200);
  await balanced();
  assert.equal((await system.get(`/dead-letters/${letter.id}`, { method: 'DELETE' })).status, 204);
});

test('a corrected mapping replays a dead letter, without its key', async () => {
  const body = JSON.stringify({ no: 7, who: 'a sender', words: 'how it is' });
  assert.equal((await deliver('custom', body)).status, 200);
  const letter = await eventually('it is put aside', async () => {
    const { json } = await system.get('/dead-letters');
    return json.data.find(({ source }: { source?: string }) => source === 'custom');
  });
  assert.match(letter.reason, /id must be a string or a number/);

  const { json } = await system.get('/sources');
  writeSources({ jsonata: "{ 'id': body.no, 'from': body.who, 'to': 'me', 'text': body.words }" });
  for (const name of ['ingest', 'writer', 'query']) system.process(name).child.kill('SIGHUP');
  await eventually(
    'it is read again',
    async () => (await system.get('/sources')).json.loaded_at !== json.loaded_at,
  );
  await eventually(
    'the writer has read it',
    () => system.process('writer').logged('read the sources file') !== undefined,
  );

  const replayed = await system.get(`/dead-letters/${letter.id}/replay`, { method: 'POST' });
  assert.deepEqual(replayed.json, { id: letter.id, replayed: 1, discarded: true });
  const message = await eventually('it is stored', async () => {
    const answer = await system.get('/messages/custom:7');
    return answer.status === 200 && answer.json;
  });
  assert.equal(message.delivery.body, body);
  assert.equal(message.delivery.key, 'main');
  await balanced();
});

test('a faulty file changes nothing, and each fault is named with its place', async () => {
  const old = (await system.get('/sources')).json;
  writeFileSync(
    file,
    '{"sources": [{"name": "a", "scheme": "stripe", "keys": [{"id": "x", "env": "NOT_SET"}], "more": 1}]}',
  );
  for (const name of ['ingest', 'writer', 'query']) system.process(name).child.kill('SIGHUP');
  const later = await eventually('the faults are shown', async () => {
    const { json } = await system.get('/sources');
    return json.faults.length > 0 && json;
  });
  assert.deepEqual(later.data, old.data);
  assert.equal(later.loaded_at, old.loaded_at);
  assert.ok(
    later.faults.some((fault: string) => fault.startsWith('/sources/0/more: ')),
    later.faults.join(),
  );
  await eventually(
    'the metric says so',
    async () => (await system.metric('sources_last_reload_successful')) === 0,
  );
  const { body } = readExample('stripe', 'customer.created');
  assert.equal((await deliver('payments', body)).status, 200);
  writeSources('raw');
  for (const name of ['ingest', 'writer', 'query']) system.process(name).child.kill('SIGHUP');
  await eventually(
    'it is well again',
    async () => (await system.metric('sources_last_reload_successful')) === 1,
  );
});

test('a rejected delivery is explained, and no secret is in the answer', async () => {
  const { body } = readExample('whatsapp', 'text');
  assert.equal((await deliver('whatsapp', body, { secret: OLD })).status, 401);
  const reject = await eventually('it is shown', async () => {
    const { json } = await system.get('/rejects?source=whatsapp');
    return json.data[0];
  });
  assert.deepEqual(
    [reject.reason, reject.near, reject.key, reject.bytes],
    ['wrong', 'retired-key', 'old', body.length],
  );
  const whatsapp = await eventually('it is counted', async () => {
    const { json } = await system.get('/sources');
    const source = json.data.find(({ name }: { name: string }) => name === 'whatsapp');
    return source.rejected === 1 && source;
  });
  assert.deepEqual(
    whatsapp.keys.map(({ id, retired }: { id: string; retired: boolean }) => [id, retired]),
    [
      ['app', false],
      ['old', true],
    ],
  );
  assert.ok(Date.parse(whatsapp.last_accepted_at) > 0);
  // twice the one with four messages, and the one with an unknown type
  assert.equal(whatsapp.accepted, 3);
  const everything = JSON.stringify([whatsapp, reject, (await system.get('/metrics')).text]);
  for (const secret of [META, OLD, GITHUB, STRIPE]) assert.ok(!everything.includes(secret));
});
