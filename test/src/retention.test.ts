/** Messages that are too old go, and everything that counts them goes with them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { lyftr, MAIN } from './cli.js';
import { eventually, System } from './system.js';

const OLD = 300;
const DAY_SECONDS = 86_400;

let system: System;

before(async () => {
  system = await System.start({ RETENTION_DAYS: '1' });
});

after(async () => {
  await system.stop();
});

const now = (): number => Math.floor(Date.now() / 1_000);
const batch = (name: string, count: number, ts: number): string =>
  JSON.stringify(
    Array.from({ length: count }, (_, i) => ({
      message_id: `${name}-${i}`,
      from: `${name}-${i % 3}`,
      to: 'us',
      ts: ts + i,
      text: `${name} number ${i}`,
    })),
  );

test('old messages are removed, new ones stay, and every figure agrees', async () => {
  const post = async (body: string) => {
    assert.equal((await system.post(body, {}, '/webhook/batch')).status, 200);
  };
  await post(batch('old', OLD, now() - 2 * DAY_SECONDS));
  await post(batch('new', 5, now() - 60));
  await eventually('all are settled', async () => (await system.get('/ledger')).json.created === OLD + 5);
  // the writer looks again after a minute, or at its start
  await system.process('writer').stop();
  await system.startService('writer');
  await eventually('the old ones are gone', async () => (await system.get('/messages')).json.total === 5);

  const stats = (await system.get('/stats')).json;
  assert.equal(stats.total_messages, 5);
  assert.deepEqual(stats.messages_per_sender, [
    { from: 'new-0', count: 2 },
    { from: 'new-1', count: 2 },
    { from: 'new-2', count: 1 },
  ]);
  for (const [q, total] of [
    ['number', 5],
    ['old', 0],
    ['ld', 0],
    ['ew', 5],
  ] as const) {
    assert.equal((await system.get(`/messages?q=${q}`)).json.total, total, q);
  }
  assert.equal((await system.get('/messages/old-0')).status, 404);
  assert.equal(await system.metric('webhook_total{status="created"}'), OLD + 5);
  const { accepted, created, waiting } = (await system.get('/ledger')).json;
  assert.deepEqual([accepted, created, waiting], [OLD + 5, OLD + 5, 0]);
  const audit = await lyftr({ DATA_DIR: system.env['DATA_DIR'] as string }, 'audit', '--full');
  assert.equal(audit.code, 0, audit.stdout);
});

test('an export goes on to its end while retention removes what it has not reached', async () => {
  const count = 5_000;
  const ts = now() - 2 * DAY_SECONDS;
  // more than pipes and sockets hold, so that the export waits for its reader
  const filling = 'x'.repeat(4_000);
  for (let first = 0; first < count; first += 100) {
    const messages = Array.from({ length: 100 }, (_, i) => {
      return { message_id: `out-${first + i}`, from: 'out', to: 'us', ts: ts + first + i, filling };
    });
    assert.equal((await system.post(JSON.stringify(messages), {}, '/webhook/batch')).status, 200);
  }
  const left = () => system.rows("SELECT count(*) FROM messages WHERE sender = 'out'")[0]?.[0];
  await eventually('all are stored', () => left() === count);

  const env = { ...process.env, ...system.env, PORT: new URL(system.origin).port };
  const child = spawn(process.execPath, [MAIN, 'export', '--from', 'out'], { env });
  const ended = once(child, 'close');
  let faults = '';
  child.stderr.on('data', (chunk) => (faults += String(chunk)));
  await once(child.stdout, 'readable');
  await system.process('writer').stop();
  await system.startService('writer');
  await eventually('the old ones are gone', () => left() === 0);
  let text = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) text += String(chunk);
  const [code] = await ended;
  assert.deepEqual([code, faults], [0, '']);
  const ids = text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { message_id: string }).message_id);
  assert.ok(ids.length < count, 'all were read before one was removed: the test proved nothing');
  assert.deepEqual(
    ids,
    Array.from(ids, (_, i) => `out-${i}`),
  );
});
