/** `lyftr dead-letters` against a running system. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Database from 'better-sqlite3';
import { databaseFile } from '@lyftr/store/sqlite/format';
import { lyftr, type CliResult } from './cli.js';
import { eventually, System, type Environment } from './system.js';

const TOKEN = 'token-for-tests';

let system: System;
let env: Environment;
before(async () => {
  system = await System.start({ API_TOKEN: TOKEN, MAX_BODY_BYTES: '2048' });
  env = { ...system.env, PORT: new URL(system.origin).port };
});
after(() => system.stop());

const run = (...args: string[]): Promise<CliResult> => lyftr(env, 'dead-letters', ...args);
const tuple = (id: string, text = `hello ${id}`) => [id, '100', '200', 1_710_000_000, text];
const bodyOf = (id: string, text: string) =>
  JSON.stringify({ message_id: id, from: '100', to: '200', ts: 1_710_000_000, text });

const found = async (id: string) => {
  const path = `/messages/${encodeURIComponent(id)}`;
  const { status, json } = await system.get(path, { headers: { authorization: `Bearer ${TOKEN}` } });
  return status === 200 ? json : undefined;
};

/** Puts a letter where the writer would; returns its number. */
function putLetter(kind: string, raw: unknown, messageId: string | null = null): number {
  const database = new Database(databaseFile(env['DATA_DIR'] as string));
  try {
    const { lastInsertRowid } = database
      .prepare('INSERT INTO dead_letters (kind, reason, raw, message_id, received_at) VALUES (?, ?, ?, ?, ?)')
      .run(kind, 'put there by a test', JSON.stringify(raw), messageId, 1_710_000_000_000);
    return Number(lastInsertRowid);
  } finally {
    database.close();
  }
}

const letterIds = () => system.rows('SELECT id FROM dead_letters ORDER BY id').map(([id]) => id as number);

/** A duplicate with another text, through the intake. */
async function makeConflict(id: string): Promise<number> {
  assert.equal((await system.post(bodyOf(id, 'the first'))).status, 200);
  assert.equal((await system.post(bodyOf(id, 'another'))).status, 200);
  return eventually('the conflict is put aside', () => {
    const sql = `SELECT id FROM dead_letters WHERE message_id = '${id}'`;
    return system.rows(sql)[0]?.[0] as number | undefined;
  });
}

test('list shows the newest first, page by page, and no control character of a sender', async () => {
  const first = putLetter('unstorable_message', tuple('list-1'), 'list-1');
  const second = putLetter('unstorable_message', tuple('\u009b2J'), '\u009b2J');
  const page = JSON.parse((await run('list', '--json', '--limit', '1')).stdout);
  assert.equal(page.total, 2);
  assert.deepEqual(
    page.data.map(({ id }: { id: number }) => id),
    [second],
  );
  const text = await run('list');
  assert.equal(text.code, 0);
  assert.match(text.stdout, /unstorable_message +"list-1" {2}put there by a test\n2 of 2 dead letters\n$/);
  assert.match(text.stdout, /"\\u\{9b\}2J"/);
  assert.doesNotMatch(text.stdout, /\u009b/);
  assert.match((await run('list', '--limit', '1')).stdout, /1 of 2 dead letters; continue with --offset 1/);
  for (const id of [first, second]) assert.equal((await run('discard', String(id))).code, 0);
});

test('show gives what came out of the queue', async () => {
  const id = putLetter('unstorable_message', tuple('show-1'), 'show-1');
  const { code, stdout } = await run('show', String(id), '--json');
  assert.equal(code, 0);
  const letter = JSON.parse(stdout);
  assert.equal(letter.received_at, '2024-03-09T16:00:00.000Z');
  assert.deepEqual(JSON.parse(letter.raw), tuple('show-1'));
  assert.match((await run('show', String(id))).stdout, /^kind {9}unstorable_message$/m);
  await run('discard', String(id));
});

test('discard removes the letter through the writer; a number that is not there fails', async () => {
  const id = putLetter('unstorable_message', tuple('discard-1'));
  const { code, stdout } = await run('discard', String(id), '--json');
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(stdout), { id, discarded: true });
  assert.deepEqual(letterIds(), []);
  for (const verb of ['discard', 'show', 'replay']) {
    const gone = await run(verb, String(id));
    assert.equal(gone.code, 1);
    assert.equal(gone.stderr, `lyftr: there is no dead letter ${id}\n`);
  }
});

test('replay stores a message with its extra members, and discards the letter', async () => {
  const raw = [...tuple('replay-1'), '{"priority":9007199254740993,"__proto__":{"a":1e400}}'];
  const id = putLetter('unstorable_message', raw, 'replay-1');
  const { code, stdout } = await run('replay', String(id), '--json');
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(stdout), { id, replayed: 1, discarded: true });
  const stored = await eventually('it is stored', () => found('replay-1'));
  assert.equal(stored.text, 'hello replay-1');
  assert.deepEqual(system.rows("SELECT extra FROM messages WHERE message_id = 'replay-1'"), [[raw[5]]]);
  assert.deepEqual(letterIds(), []);
});

test('replay sends a corrupt envelope whose messages can be read, in pieces that the intake takes', async () => {
  const messages = Array.from({ length: 40 }, (_, i) => tuple(`envelope-${i}`));
  const id = putLetter('corrupt_envelope', { v: 1, messages });
  const { code, stdout, stderr } = await run('replay', String(id));
  assert.equal(stderr, '');
  assert.equal(code, 0);
  assert.match(stdout, /40 messages acknowledged, and the dead letter was discarded/);
  await eventually('all are stored', () => {
    const sql = "SELECT count(*) FROM messages WHERE message_id LIKE 'envelope-%'";
    return system.rows(sql)[0]?.[0] === 40;
  });
});

test('replay keeps an envelope that cannot be read, and says why', async () => {
  const cases: [unknown, RegExp][] = [
    [{ v: 2, messages: [tuple('never')] }, /envelope has version 2/],
    [{ v: 1, messages: [tuple('never'), ['too short']] }, /message 2 of 2 in its envelope is malformed/],
    [{ v: 1 }, /contains no messages/],
    [null, /version undefined/],
  ];
  for (const [raw, reason] of cases) {
    const id = putLetter('corrupt_envelope', raw);
    const { code, stderr } = await run('replay', String(id));
    assert.equal(code, 1);
    assert.match(stderr, reason);
    assert.deepEqual(letterIds(), [id]);
    await run('discard', String(id));
  }
  assert.equal(await found('never'), undefined);
});

test('a conflicting duplicate is replayed under a free id alone', async () => {
  const id = await makeConflict('conflict-1');
  const refused = await run('replay', String(id));
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    new RegExp(`already stored under its id.*dead-letters replay ${id} --as NEW_ID\n$`),
  );
  assert.equal((await run('replay', String(id), '--as', 'conflict-1')).code, 1);
  await eventually('another is stored', () => found('replay-1'));
  assert.match(
    (await run('replay', String(id), '--as', 'replay-1')).stderr,
    /already stored under "replay-1"/,
  );
  assert.deepEqual(letterIds(), [id]);
  assert.equal((await run('replay', String(id), '--as', 'conflict-2')).code, 0);
  assert.equal((await eventually('it is stored', () => found('conflict-2'))).text, 'another');
  assert.equal((await found('conflict-1')).text, 'the first');
  assert.deepEqual(letterIds(), []);
});

test('what the intake refuses stays a letter; what the writer does not discard is told', async () => {
  const id = putLetter('unstorable_message', ['', '100', '200', 1, '']);
  const invalid = await run('replay', String(id));
  assert.equal(invalid.code, 1);
  assert.match(invalid.stderr, /POST \/webhook returned 422: .*\/message_id/);
  await system.process('writer').stop();
  const half = await run('replay', String(id), '--as', 'half');
  assert.equal(half.code, 1);
  assert.match(half.stderr, /was replayed, but not discarded: .*There is no leading writer now/);
  assert.deepEqual(letterIds(), [id]);
  await system.startService('writer');
  await eventually('it is stored', () => found('half'));
  // once it has said where it listens
  await eventually('it is discarded', async () => (await run('discard', String(id))).code === 0);
});

test('wrong usage ends with 64, a missing token and a missing system with 1', async () => {
  const usages = [[], ['show'], ['show', 'x'], ['discard', '0'], ['list', '--limit', '101'], ['nothing']];
  for (const args of [...usages, ['replay', '1', '--as', '']])
    assert.equal((await run(...args)).code, 64, args.join(' '));
  const { API_TOKEN: _, ...anonymous } = env;
  const refused = await lyftr(anonymous, 'dead-letters', 'list');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /API_TOKEN is missing/);
  const nobody = await run('list', '--url', 'http://127.0.0.1:1');
  assert.equal(nobody.code, 69);
  assert.match(nobody.stderr, /no response from http:\/\/127.0.0.1:1/);
});
