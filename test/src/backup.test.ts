/** `lyftr backup`, and what a restored copy does. */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { databaseFile } from '@lyftr/store/sqlite/format';
import { lyftr, type CliResult } from './cli.js';
import { eventually, Process, System } from './system.js';

let system: System;
let file: string;
before(async () => {
  system = await System.start();
  file = databaseFile(system.env['DATA_DIR'] as string);
});
after(() => system.stop());

const run = (...args: string[]): Promise<CliResult> => lyftr(system.env, 'backup', ...args);
const target = (name: string): string => join(system.dir, name);

async function deliver(prefix: string, count: number): Promise<void> {
  const messages = Array.from({ length: count }, (_, i) => ({
    message_id: `${prefix}-${i}`,
    from: '100',
    to: '200',
    ts: 1_710_000_000,
    text: 'y'.repeat(1_000),
  }));
  const { status } = await system.post(JSON.stringify(messages), {}, '/webhook/batch');
  assert.equal(status, 200);
}

/** What must be equal in one consistent state. */
function figures(copy: string): { rows: number; created: number; rolledUp: number } {
  const database = new Database(copy, { readonly: true });
  try {
    assert.deepEqual(database.pragma('integrity_check'), [{ integrity_check: 'ok' }]);
    const number = (sql: string) => database.prepare(sql).pluck().get() as number;
    return {
      rows: number('SELECT count(*) FROM messages'),
      created: number("SELECT value FROM counters WHERE name = 'created'"),
      rolledUp: number('SELECT sum(messages) FROM sender_rollup'),
    };
  } finally {
    database.close();
  }
}

test('a copy made while the writer stores is one state of it, and one file of its owner', async () => {
  for (let i = 0; i < 20; i++) await deliver(`before-${i}`, 500);
  await system.stored(10_000);
  let copying = true;
  const load = (async () => {
    for (let i = 0; copying; i++) await deliver(`during-${i}`, 200);
  })();
  const { code, stdout, stderr } = await run(target('online.db'), '--json');
  copying = false;
  await load;
  assert.equal(stderr, '');
  assert.equal(code, 0);
  const { rows, created, rolledUp } = figures(target('online.db'));
  assert.ok(rows >= 10_000);
  assert.deepEqual([created, rolledUp], [rows, rows]);
  const stat = statSync(target('online.db'));
  assert.equal(stat.mode & 0o777, 0o600);
  const result = JSON.parse(stdout);
  assert.deepEqual([result.file, result.bytes, result.messages], [target('online.db'), stat.size, rows]);
  const beside = readdirSync(system.dir).filter((name) => name.startsWith('online.db'));
  assert.deepEqual(beside, ['online.db']);
});

test('a copy comes to its end beside somebody who commits all the time', { timeout: 300_000 }, async () => {
  await system.process('writer').stop();
  const script = fileURLToPath(new URL('./busy-writer.js', import.meta.url));
  const busy = new Process('busy', process.execPath, [script, file], {});
  try {
    await eventually('it commits', () => busy.logged('begun'));
    const { code, stderr } = await run(target('busy.db'));
    assert.equal(stderr, '');
    assert.equal(code, 0);
    assert.equal(busy.running, true);
  } finally {
    await busy.stop('SIGKILL');
  }
  const { rows, created } = figures(target('busy.db'));
  assert.equal(created, rows);
  const later = system.rows('SELECT count(*) FROM messages')[0]?.[0] as number;
  assert.ok(later > rows, 'it committed while the copy was made');
  await system.startService('writer');
});

test('a file that is there stays as it is without --force', async () => {
  writeFileSync(target('there.db'), 'precious');
  const refused = await run(target('there.db'));
  assert.equal(refused.code, 1);
  assert.equal(refused.stderr, `lyftr: ${target('there.db')} already exists: use --force to replace it\n`);
  assert.equal(readFileSync(target('there.db'), 'utf8'), 'precious');
  const forced = await run(target('there.db'), '--force');
  assert.equal(forced.code, 0, forced.stderr);
  assert.match(forced.stdout, /there\.db: \d+ messages, \d+ bytes, checked, in [\d.]+ s\n$/);
  assert.ok(figures(target('there.db')).rows > 0);
});

test('the database itself is no target, whatever name leads to it', async () => {
  const inode = statSync(file).ino;
  symlinkSync(system.env['DATA_DIR'] as string, target('link'));
  for (const path of [file, `${file}-wal`, join(target('link'), 'lyftr.db')]) {
    const { code, stderr } = await run(path, '--force');
    assert.equal(code, 1);
    assert.match(stderr, /^lyftr: .* is a file of the database itself\n$/);
  }
  assert.equal(statSync(file).ino, inode);
  for (const path of ['/dev/null', system.dir]) {
    const { code, stderr } = await run(path, '--force');
    assert.deepEqual([code, stderr], [1, `lyftr: ${path} is not a regular file\n`]);
  }
});

test('a damaged database is not kept as a copy', async () => {
  const damaged = new System({ DATA_DIR: target('damaged') });
  try {
    const { env } = damaged;
    await damaged.startService('writer', { REDIS_URL: system.env['REDIS_URL'] as string });
    await damaged.process('writer').stop();
    const copy = databaseFile(env['DATA_DIR'] as string);
    copyFileSync(target('online.db'), copy);
    const database = new Database(copy, { readonly: true });
    const pageBytes = database.pragma('page_size', { simple: true }) as number;
    const root = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'messages'").pluck();
    const rootPage = root.get() as number;
    database.close();
    const bytes = readFileSync(copy);
    bytes.fill(0xff, (rootPage - 1) * pageBytes, rootPage * pageBytes);
    writeFileSync(copy, bytes);
    const { code, stderr } = await lyftr(env, 'backup', target('kept.db'));
    assert.equal(code, 1);
    assert.match(stderr, /^lyftr: the database is damaged, so the copy was removed: .*\n$/);
    assert.deepEqual(
      readdirSync(system.dir).filter((name) => name.startsWith('kept')),
      [],
    );
  } finally {
    await damaged.stop();
  }
});

test('after a restore the ledger names what was stored behind the copy, and intake goes on', async () => {
  await deliver('restore-kept', 10);
  const kept = async (id: string) => (await system.get(`/messages/${id}`)).status;
  await eventually('it is stored', async () => (await kept('restore-kept-9')) === 200);
  assert.equal((await run(target('restore.db'))).code, 0);
  await deliver('restore-lost', 10);
  await eventually('it is stored', async () => (await kept('restore-lost-9')) === 200);
  assert.equal((await system.get('/ledger')).json.missing.messages, 0);

  const queryPort = String(await system.process('query').port());
  await Promise.all([system.process('writer').stop(), system.process('query').stop()]);
  await deliver('restore-queued', 10);
  copyFileSync(target('restore.db'), file);
  for (const suffix of ['-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
  await system.startService('writer');
  await system.startService('query', { QUERY_PORT: queryPort });

  await eventually('what waited is stored', async () => (await kept('restore-queued-9')) === 200);
  assert.equal(await kept('restore-kept-9'), 200);
  assert.equal(await kept('restore-lost-9'), 404);
  await eventually('the ledger names it', async () => {
    const { json } = await system.get('/ledger');
    return json.missing?.messages === 10 && json.difference === 10 && json.waiting === 0;
  });
  await deliver('restore-lost', 10);
  await eventually('a resend brings it back', async () => (await kept('restore-lost-9')) === 200);

  const { port } = new URL(system.origin);
  await eventually('it is written off', async () => {
    const { code, stderr } = await lyftr({ ...system.env, PORT: port }, 'ledger', 'write-off', '--yes');
    // a second after its start the writer has said where it listens
    assert.match(stderr, /^$|No writer leads now|has not said yet/);
    return code === 0;
  });
  const { missing, difference, written_off } = (await system.get('/ledger')).json;
  assert.deepEqual([missing.messages, difference, written_off], [0, 0, 10]);
});
