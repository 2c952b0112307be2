/** What an operator changes reaches the writer that leads, whichever that is, and the intake, whichever secret it knows. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Database from 'better-sqlite3';
import { databaseFile } from '@lyftr/store/sqlite/format';
import { lyftr } from './cli.js';
import { eventually, freePort, SECRET, System, type Process } from './system.js';

const TOKEN = 'token-for-tests';
const NEW_SECRET = 'the next secret';
const AUTHORIZED = { headers: { authorization: `Bearer ${TOKEN}` } };

let system: System;
let ingestPort: string;
before(async () => {
  ingestPort = String(await freePort());
  const origin = `http://127.0.0.1:${ingestPort}`;
  system = await System.start({ API_TOKEN: TOKEN, PORT: ingestPort, INGEST_URL: origin });
  await eventually('the first writer leads', () => system.process('writer').logged('storing messages'));
  await system.startService('writer', {}, 'standby');
  await eventually('the second stands by', () => system.process('standby').logged('standing by'));
});
after(() => system.stop());

function putLetter(messageId: string): number {
  const database = new Database(databaseFile(system.env['DATA_DIR'] as string));
  try {
    const { lastInsertRowid } = database
      .prepare(
        `INSERT INTO dead_letters (kind, reason, raw, message_id, received_at)
         VALUES ('unstorable_message', 'put there by a test', ?, ?, 1)`,
      )
      .run(JSON.stringify([messageId, 'a', 'b', 1_710_000_000, 'text']), messageId);
    return Number(lastInsertRowid);
  } finally {
    database.close();
  }
}

const letterIds = () => system.rows('SELECT id FROM dead_letters ORDER BY id').map(([id]) => id as number);
const discard = (id: number) => system.get(`/dead-letters/${id}`, { ...AUTHORIZED, method: 'DELETE' });
const replay = (id: number) => system.get(`/dead-letters/${id}/replay`, { ...AUTHORIZED, method: 'POST' });

async function leaseOf(writer: Process): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${await writer.port()}/readyz`);
  const { dependencies } = (await answer.json()) as { dependencies: Record<string, string> };
  return dependencies['lease'] ?? '';
}

/** Waits for one to have published where it listens. */
const eventuallyDiscarded = (id: number) =>
  eventually('it is discarded', async () => (await discard(id)).status === 204);

test('both writers say which of them leads, and so does the system', async () => {
  const [leading, waiting] = [system.process('writer'), system.process('standby')];
  const instance = leading.logged('listening')?.['instance'];
  assert.equal(await leaseOf(leading), 'ok: this writer leads');
  assert.equal(await leaseOf(waiting), `ok: this writer is the standby of ${String(instance)}`);
  const writers = await eventually('both are published', async () => {
    const { json } = await system.get('/system', AUTHORIZED);
    const found = (
      json.processes as { service: string; instance: string; leads: boolean; url: string }[]
    ).filter(({ service }) => service === 'writer');
    return found.length === 2 && found;
  });
  assert.deepEqual(
    writers.filter(({ leads }) => leads).map((each) => [each.instance, each.url]),
    [[instance, `http://127.0.0.1:${await leading.port()}`]],
  );
});

test('a replay is signed with the secret that the intake knows, through a rotation', async () => {
  await system.process('ingest').stop();
  const queryPort = String(await system.process('query').port());
  await system.process('query').stop();
  // query was restarted with the new secret, the intake not yet
  await system.startService('query', {
    QUERY_PORT: queryPort,
    WEBHOOK_SECRET: NEW_SECRET,
    WEBHOOK_SECRET_PREVIOUS: SECRET,
  });
  await system.startIngest();
  const early = putLetter('early');
  assert.deepEqual((await replay(early)).json, { id: early, replayed: 1, discarded: true });
  // then the intake, and then the old one is gone from it
  for (const env of [
    { WEBHOOK_SECRET: NEW_SECRET, WEBHOOK_SECRET_PREVIOUS: SECRET },
    { WEBHOOK_SECRET: NEW_SECRET },
  ]) {
    await system.process('ingest').stop();
    await system.startIngest(env);
    const id = putLetter(`during-${Object.keys(env).length}`);
    assert.deepEqual((await replay(id)).json, { id, replayed: 1, discarded: true });
  }
  await system.process('ingest').stop();
  await system.startIngest({ WEBHOOK_SECRET: 'one that query was never told' });
  const unknown = putLetter('unknown');
  const refused = await replay(unknown);
  assert.equal(refused.status, 409);
  assert.match(refused.json.detail, /accepts none of the secrets of this service\. Restart query/);
  await eventuallyDiscarded(unknown);
  await system.process('ingest').stop();
  await system.startIngest();
});

test('the command signs with the one that the intake knows, too', async () => {
  const id = putLetter('by-command');
  const env = { ...system.env, WEBHOOK_SECRET: NEW_SECRET, WEBHOOK_SECRET_PREVIOUS: SECRET };
  const { code, stderr } = await lyftr(env, 'dead-letters', 'replay', String(id));
  assert.deepEqual([code, stderr], [0, '']);
});

test('an action that a frozen writer has not confirmed is told so', async () => {
  const id = putLetter('frozen');
  const writer = system.process('writer');
  writer.child.kill('SIGSTOP');
  // while its lease lasts, it is asked
  const answer = await discard(id);
  writer.child.kill('SIGCONT');
  assert.equal(answer.status, 504, answer.text);
  assert.match(answer.json.type, /not-confirmed$/);
  assert.match(answer.json.detail, /did not confirm the change within 5 s\. The change may still be made/);
  await eventually('what it had been asked is done or not, but it is replaced', () =>
    system.process('standby').logged('storing messages'),
  );
  if (letterIds().includes(id)) await eventuallyDiscarded(id);
});

test('after the failover the new leader discards, replays and writes off', async () => {
  const standby = system.process('standby');
  assert.equal(await leaseOf(standby), 'ok: this writer leads');
  await system.process('writer').ended;
  for (const id of [putLetter('after')]) await eventuallyDiscarded(id);
  const id = putLetter('replayed');
  assert.deepEqual((await replay(id)).json, { id, replayed: 1, discarded: true });
  assert.equal((await discard(id)).status, 404);
  const writeOff = (difference: number) =>
    system.get(`/ledger/missing?difference=${difference}`, { ...AUTHORIZED, method: 'DELETE' });
  const { status, json } = await writeOff(7);
  assert.deepEqual([status, json.type], [409, 'urn:lyftr:problem:not-written-off']);
  assert.match(json.detail, /not 7/);
});

test('without a writer an action is refused at once, and nothing happens later', async () => {
  await system.process('standby').stop();
  const id = putLetter('nobody');
  const answer = await discard(id);
  assert.deepEqual(
    [answer.status, answer.json.detail],
    [503, 'There is no leading writer now. Nothing was changed. Try again.'],
  );
  assert.equal(answer.headers.get('retry-after'), '1');
  assert.ok(letterIds().includes(id));
});
