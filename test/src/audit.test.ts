/** `lyftr audit`: every derived thing is damaged through a second connection, found, and repaired. */
import assert from 'node:assert/strict';
import { closeSync, cpSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { takeLock } from '@lyftr/store/lock';
import { databaseFile } from '@lyftr/store/sqlite/format';
import { BEYOND_REPAIR, REPAIRABLE } from './audit-damage.js';
import { lyftr } from './cli.js';
import { eventually, System } from './system.js';

const MESSAGES_MIN = 600;
/** So few that every row is in the sample. */
const MESSAGES_MAX = 1_900;
const BATCH = 20;
const BATCH_EVERY_MS = 40;

interface Report {
  code: number;
  faults: number;
  repaired: number;
  checks: { name: string; state: string; faults: string[] }[];
}

/** Of the first messages: what the index has to hold exactly, or reads as something else. */
const ODD_TEXTS = [
  'a',
  'ab',
  '\0nul',
  '\uffff\ufffe\ufffd',
  '\u{10ffff}x😀y',
  'Straße ΣΑΣ',
  '\u{1fffe}é"\'',
  '',
  '   ',
];

let system: System;
/** A copy of the database as the writer left it, closed. */
let golden: string;
before(async () => {
  system = await System.start();
});
after(() => system.stop());

let sent = 0;
async function postBatch(): Promise<void> {
  const messages = Array.from({ length: BATCH }, () => {
    const number = sent++;
    return {
      message_id: `audit-${number}`,
      from: `sender-${number % 7}`,
      to: '200',
      ts: 1_710_000_000 + number * 600,
      text: ODD_TEXTS[number] ?? (number % 10 === 0 ? '' : `hello number ${number}`),
    };
  });
  assert.equal((await system.post(JSON.stringify(messages), {}, '/webhook/batch')).status, 200);
}

async function audit(dataDir: string, ...args: string[]): Promise<Report> {
  const { code, stdout, stderr } = await lyftr({ DATA_DIR: dataDir }, 'audit', '--json', ...args);
  assert.equal(stderr, '');
  return { code, ...(JSON.parse(stdout) as Omit<Report, 'code'>) };
}

const faulty = ({ checks }: Report): string[] =>
  checks.filter(({ state }) => state === 'fault').map(({ name }) => name);

let copies = 0;
function copy(): string {
  const dir = join(system.dir, `copy-${copies++}`);
  cpSync(golden, dir, { recursive: true });
  return dir;
}

function change(dataDir: string, sql: string): void {
  const database = new Database(databaseFile(dataDir));
  try {
    // also what SQLite protects: the tables behind the text index
    database.unsafeMode();
    database.exec(sql);
  } finally {
    database.close();
  }
}

function value(dataDir: string, sql: string): unknown {
  const database = new Database(databaseFile(dataDir), { readonly: true });
  try {
    return database.prepare(sql).pluck().get();
  } finally {
    database.close();
  }
}

test('an audit while the writer stores and indexes is clean, each time', async () => {
  const dataDir = system.env['DATA_DIR'] as string;
  let auditing = true;
  const posting = (async () => {
    while ((auditing && sent < MESSAGES_MAX) || sent < MESSAGES_MIN) {
      await postBatch();
      await delay(BATCH_EVERY_MS);
    }
  })();
  try {
    for (const args of [[], ['--full'], []]) {
      const report = await audit(dataDir, ...args);
      assert.deepEqual(faulty(report), [], JSON.stringify(report));
      assert.equal(report.code, 0);
    }
  } finally {
    auditing = false;
    await posting;
  }
});

test('a repair is refused while anything has the database open, or Lyftr runs on the folder', async () => {
  const dataDir = system.env['DATA_DIR'] as string;
  const open = await lyftr({ DATA_DIR: dataDir }, 'audit', '--repair');
  assert.equal(open.code, 1);
  assert.match(
    open.stderr,
    /^lyftr: nothing was repaired: another process has .* open\. Stop the writer and the query/,
  );

  await system.stored(sent);
  await eventually('the index is complete', () => {
    const sql = 'SELECT watermark = (SELECT max(seq) FROM messages) FROM text_index';
    return system.rows(sql)[0]?.[0] === 1;
  });
  for (const name of ['ingest', 'writer', 'query']) await system.process(name).stop();
  golden = dataDir;

  const lock = takeLock(dataDir);
  const held = await lyftr({ DATA_DIR: dataDir }, 'audit', '--repair');
  lock.release();
  assert.equal(held.code, 1);
  assert.match(
    held.stderr,
    new RegExp(`^lyftr: nothing was repaired: Lyftr is running on .*process ${process.pid}`),
  );
});

test('a clean database is left as it is', async () => {
  const dir = copy();
  const epoch = value(dir, 'SELECT epoch FROM writer_epoch');
  const text = await lyftr({ DATA_DIR: dir }, 'audit', '--full');
  assert.equal(text.code, 0);
  assert.match(text.stdout, new RegExp(`^ok +created +created ${sent}, removed 0, messages ${sent}$`, 'm'));
  assert.match(text.stdout, /^ok +text index +watermark \d+, behind 0, sampled \d+, trigrams \d+$/m);
  assert.match(
    text.stdout,
    /^unknown {3}acknowledged\n {10}the ledger cannot be read: no response from[^]*^no faults found, but some checks could not run, in [\d.]+ s\n$/m,
  );
  assert.equal((await audit(dir, '--repair')).code, 0);
  assert.equal(value(dir, 'SELECT epoch FROM writer_epoch'), epoch);
});

test('what is derived is found damaged, and built anew', { timeout: 300_000 }, async (t) => {
  for (const [what, sql, found] of REPAIRABLE) {
    await t.test(what, async () => {
      const dir = copy();
      const epoch = value(dir, 'SELECT epoch FROM writer_epoch') as number;
      change(dir, sql);
      const report = await audit(dir);
      assert.deepEqual(faulty(report), found, JSON.stringify(report));
      assert.equal(report.code, 1);
      const repair = await audit(dir, '--repair');
      assert.equal(repair.code, 2, JSON.stringify(repair));
      assert.deepEqual(faulty(repair), []);
      assert.equal(repair.checks.find(({ name }) => name === found[0])?.state, 'repaired');
      assert.equal(value(dir, 'SELECT epoch FROM writer_epoch'), epoch + 1);
      assert.equal((await audit(dir, '--full')).code, 0);
    });
  }
});

test('every row of the text index is looked at when that is asked for', async () => {
  const unsampled = copy();
  change(unsampled, "INSERT INTO message_text (rowid, folded) VALUES (999999, 'ZZZ')");
  assert.equal((await audit(unsampled)).code, 0);
  const swapped = (rows: string) =>
    `INSERT INTO message_text (message_text, rowid, folded)
       SELECT 'delete', seq, upper(text) || char(65533, 65533) FROM messages WHERE seq IN (42, 44);
     INSERT INTO message_text (rowid, folded) ${rows}`;
  const damages: [sql: string, fault: RegExp][] = [
    [
      "INSERT INTO message_text (rowid, folded) VALUES (999999, 'ZZZ')",
      /1 rows that do not exist.*: 999999$/,
    ],
    [
      swapped('SELECT 86 - seq, upper(text) || char(65533, 65533) FROM messages WHERE seq IN (42, 44)'),
      /the text index has a different text for 2 rows: 42, 44$/,
    ],
  ];
  for (const [sql, fault] of damages) {
    const dir = copy();
    change(dir, sql);
    const { checks } = await audit(dir, '--full');
    assert.match(checks.find(({ name }) => name === 'text index')?.faults.at(-1) ?? '', fault);
    assert.equal((await audit(dir, '--full', '--repair')).code, 2);
    assert.equal((await audit(dir, '--full')).code, 0);
  }
});

test('what nothing else can tell is found, and stays a fault', async (t) => {
  for (const [what, sql, found] of BEYOND_REPAIR) {
    await t.test(what, async () => {
      const dir = copy();
      change(dir, sql);
      for (const args of [[], ['--repair']]) {
        const report = await audit(dir, ...args);
        assert.deepEqual(faulty(report), found, JSON.stringify(report));
        assert.equal(report.code, 1);
      }
    });
  }
});

test('nothing is derived from a damaged file', async () => {
  const dir = copy();
  change(dir, 'DELETE FROM sender_rollup');
  const page = value(dir, "SELECT rootpage FROM sqlite_schema WHERE name = 'messages_by_time'") as number;
  const fd = openSync(databaseFile(dir), 'r+');
  writeSync(fd, Buffer.alloc(64, 0xff), 0, 64, (page - 1) * 4_096 + 8);
  closeSync(fd);
  const bytes = statSync(databaseFile(dir)).size;
  const report = await audit(dir, '--repair');
  assert.equal(report.code, 1);
  assert.ok(faulty(report).includes('file'), JSON.stringify(report));
  assert.ok(faulty(report).includes('sender rollup'));
  assert.equal(value(dir, 'SELECT count(*) FROM sender_rollup'), 0);
  assert.equal(statSync(databaseFile(dir)).size, bytes);
});

test('a writer fills the emptied text index again', async () => {
  const dir = copy();
  change(dir, 'UPDATE text_index SET watermark = 7');
  assert.equal((await audit(dir, '--repair')).code, 2);
  assert.equal(value(dir, 'SELECT watermark FROM text_index'), 0);
  await system.startService('writer', { DATA_DIR: dir });
  await eventually('the index is complete', () => value(dir, 'SELECT watermark FROM text_index') === sent);
  assert.equal((await audit(dir, '--full')).code, 0);
});

test('a folder without a database is named', async () => {
  const { code, stderr } = await lyftr({ DATA_DIR: join(system.dir, 'nowhere') }, 'audit');
  assert.equal(code, 1);
  assert.match(stderr, /there is no database at .*nowhere\/lyftr.db: set DATA_DIR to its folder/);
});
