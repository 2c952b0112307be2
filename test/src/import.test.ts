/** `lyftr import` against a running system, and the way of messages out of one system into another. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { lyftr, lyftrWith, MAIN, type CliResult } from './cli.js';
import { eventually, Process, System, type Environment } from './system.js';

const BODY_BYTES = 20_000;

let system: System;
let env: Environment;
before(async () => {
  system = await System.start({ MAX_BODY_BYTES: String(BODY_BYTES) });
  env = { ...system.env, PORT: new URL(system.origin).port };
});
after(() => system.stop());

const message = (id: string, more: object = {}) => ({
  message_id: id,
  from: '100',
  to: '200',
  ts: 1_710_000_000,
  text: `hello ${id}`,
  ...more,
});
const ndjson = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');
const count = (prefix: string) =>
  system.rows(`SELECT count(*) FROM messages WHERE message_id LIKE '${prefix}-%'`)[0]?.[0] as number;
const importing = (text: string | Buffer, ...args: string[]): Promise<CliResult> =>
  lyftrWith(text, env, 'import', '-', ...args);

test('every message of a file is acknowledged and stored, in batches below the size of a body', async () => {
  const lines = Array.from({ length: 1_234 }, (_, i) => JSON.stringify(message(`many-${i}`)));
  const file = join(system.dir, 'many.ndjson');
  writeFileSync(file, ndjson(lines));
  const { code, stdout, stderr } = await lyftr(env, 'import', file, '--json');
  assert.equal(stderr, '');
  const { seconds, ...result } = JSON.parse(stdout);
  assert.deepEqual([code, result], [0, { acknowledged: 1_234, deliveries: 0, refused: 0, refusals: [] }]);
  assert.equal(typeof seconds, 'number');
  await eventually('all are stored', () => count('many') === 1_234);
});

test('bad lines are named by their numbers, and none of the others is lost', async () => {
  const lines = [
    JSON.stringify(message('lines-1')),
    '{"message_id":',
    JSON.stringify(message('lines-2', { text: 'a\u2028b', big: 1 })).replace(
      '"big":1',
      '"big":12345678901234567890',
    ),
    '',
    JSON.stringify(message('lines-bad', { ts: 'now', from: 7 })),
    '[1]',
    JSON.stringify(message('lines-3', { text: 'x'.repeat(BODY_BYTES) })),
    JSON.stringify(message('lines-4', { text: '\ud800' })),
    JSON.stringify(message('lines-5')),
  ];
  const { code, stdout, stderr } = await importing(ndjson(lines));
  assert.equal(code, 1);
  assert.match(stdout, /^3 messages acknowledged, 5 lines refused, in [\d.]+ s\n$/);
  const told = stderr.trimEnd().split('\n').toSorted();
  const expected = [
    /^lyftr: line 2 was refused: is not valid JSON$/,
    /^lyftr: line 5 was refused: \/(from|ts) must be .*, \/(from|ts) must be /,
    /^lyftr: line 6 was refused: must be object$/,
    /^lyftr: line 7 was refused: .*MAX_BODY_BYTES/,
    /^lyftr: line 8 was refused: \/text must not contain a lone surrogate$/,
  ];
  assert.equal(told.length, expected.length, stderr);
  for (const [i, pattern] of expected.entries()) assert.match(told[i] ?? '', pattern);
  await eventually('the others are stored', () => count('lines') === 3);
  const [row] = system.rows("SELECT text, extra FROM messages WHERE message_id = 'lines-2'");
  assert.equal(row?.[0], 'a\u2028b');
});

test('a batch that is too large for this system is sent in parts', async () => {
  const long = (i: number) => JSON.stringify(message(`parts-${i}`, { text: 'x'.repeat(4_000) }));
  const { MAX_BODY_BYTES: _, ...unaware } = env;
  const input = ndjson(Array.from({ length: 250 }, (_line, i) => long(i)));
  const { code, stderr } = await lyftrWith(input, unaware, 'import', '-');
  assert.deepEqual([code, stderr], [0, '']);
  await eventually('all are stored', () => count('parts') === 250);
});

test('CSV comes in as well, and --json names what is refused', async () => {
  const csv = [
    'message_id,from,to,ts,text,extra',
    'csv-1,100,200,1710000000,"two ""quoted""\nlines","{""priority"":1}"',
    'csv-bad,100,200,yesterday,,',
    `csv-long,100,200,1,,"{""n"":""${'é'.repeat(200)}""}"`,
    `${'i'.repeat(256)},100,200,1,,`,
  ];
  const file = join(system.dir, 'some.CSV');
  writeFileSync(file, csv.join('\r\n'));
  const { code, stdout, stderr } = await lyftr(env, 'import', file, '--json');
  assert.deepEqual([code, stderr], [1, '']);
  const { acknowledged, refused, refusals } = JSON.parse(stdout);
  assert.deepEqual([acknowledged, refused], [2, 2]);
  assert.deepEqual(refusals[0], { line: 4, reason: 'ts is not a whole number' });
  assert.equal(refusals[1].line, 6);
  assert.match(refusals[1].reason, /^\/message_id must NOT have more than 255 characters/);
  const stored = await eventually('it is stored', async () => {
    const { status, json } = await system.get('/messages/csv-1');
    return status === 200 && json;
  });
  assert.deepEqual([stored.text, stored.extra], ['two "quoted"\nlines', { priority: 1 }]);
});

test('a system that cannot take messages for a while is waited for', { timeout: 300_000 }, async () => {
  const file = join(system.dir, 'patient.ndjson');
  writeFileSync(file, ndjson(Array.from({ length: 50 }, (_, i) => JSON.stringify(message(`patient-${i}`)))));
  await system.process('redis').stop('SIGKILL');
  const child = new Process('import', process.execPath, [MAIN, 'import', file], env);
  await eventually('it waits', () => child.logged('returned 503'));
  assert.match(String(child.lines[0]?.['msg']), /; trying again$/);
  await system.startRedis();
  const [code] = await child.ended;
  assert.equal(code, 0, JSON.stringify(child.lines));
  await eventually('all are stored', () => count('patient') === 50);
});

test('Ctrl-C says how far it came', async () => {
  const file = join(system.dir, 'interrupted.ndjson');
  writeFileSync(file, ndjson([JSON.stringify(message('interrupted-1'))]));
  await system.process('redis').stop('SIGKILL');
  const child = new Process('import', process.execPath, [MAIN, 'import', file], env);
  await eventually('it waits', () => child.logged('returned 503'));
  assert.equal(await child.stop('SIGINT'), 130);
  assert.match(String(child.lines.at(-1)?.['msg']), /^lyftr: ended early; 0 messages were acknowledged/);
  await system.startRedis();
  await eventually('it takes messages again', async () => (await system.get('/readyz')).status === 200);
});

test('a wrong secret, a missing file, a file that is no export and an absent system are one line each', async () => {
  const line = JSON.stringify(message('never'));
  const unsigned = await lyftrWith(line, { ...env, WEBHOOK_SECRET: 'another' }, 'import', '-');
  const missing = await lyftr(env, 'import', join(system.dir, 'nowhere'));
  const other = await importing('a,b\n1,2\n', '--format', 'csv');
  const nobody = await importing(line, '--url', 'http://127.0.0.1:1');
  assert.deepEqual([unsigned.code, missing.code, other.code, nobody.code], [1, 1, 1, 69]);
  assert.match(unsigned.stderr, /^lyftr: POST \/webhook\/batch returned 401: [^\n]+\n$/);
  assert.match(missing.stderr, /^lyftr: ENOENT[^\n]+\n$/);
  assert.match(other.stderr, /^lyftr: the first line of the CSV file has no column message_id\n$/);
  assert.match(nobody.stderr, /^lyftr: no response from [^\n]+\n$/);
  assert.equal(count('never'), 0);
});

for (const format of ['ndjson', 'csv']) {
  test(`what one system exports as ${format}, another imports and exports the same`, async () => {
    const lines = [
      message('trip-1', { text: '' }),
      message('trip-2', { text: 'a "b"\r\nc,\u2028 é 😀', nested: { a: [1, { b: null }] } }),
      message('=trip-3', { from: '+1', to: ' x ', extra: { of: 'its own' } }),
      ...["'=1", "''@x", "'tis", '\tx', '\rx', '-1', 'a\nb', 'a\rb'].map((text, i) =>
        message(`trip-cell-${i}`, { text }),
      ),
    ].map((each) => JSON.stringify(each));
    lines.push('{"message_id":"trip-4","from":"1","to":"2","ts":0,"__proto__":{"x":1}}');
    lines.push('{"message_id":"trip-5","from":"1","to":"2","ts":0,"n":9007199254740993,"m":[1e400,1.50]}');
    assert.equal((await importing(ndjson(lines))).code, 0);
    await eventually('all are stored', () => count('trip') + count('=trip') === 13);
    const { total } = (await system.get('/messages?limit=1')).json;

    const [first, second] = ['first', 'second'].map((name) => join(system.dir, `${name}.${format}`)) as [
      string,
      string,
    ];
    const out = await lyftr(env, 'export', '--format', format, '-o', first, '--json');
    assert.deepEqual([out.code, out.stderr, JSON.parse(out.stdout).messages], [0, '', total]);
    const other = await System.start();
    try {
      const otherEnv = { ...other.env, PORT: new URL(other.origin).port };
      const into = await lyftr(otherEnv, 'import', first, '--format', format);
      assert.equal(into.code, 0, into.stderr);
      await other.stored(total);
      assert.equal((await lyftr(otherEnv, 'export', '--format', format, '-o', second)).code, 0);
    } finally {
      await other.stop();
    }
    const exported = readFileSync(first, 'utf8');
    if (format === 'csv')
      for (const cell of [",'+1,", "\n'=trip-3,", ",''=1,", ",'''@x,", ",'tis,", ',"\'\rx",', ',"a\nb",'])
        assert.ok(exported.includes(cell), cell);
    assert.match(exported, /9007199254740993,""?m""?:\[1e400,1\.50\]/);
    assert.equal(readFileSync(second, 'utf8'), exported);
  });
}

test('an export is filtered and ordered as a search is, and goes to standard output', async () => {
  const lines = [1, 2, 3].map((i) => JSON.stringify(message(`filter-${i}`, { from: 'only-here', ts: i })));
  assert.equal((await importing(ndjson(lines))).code, 0);
  await eventually('all are stored', () => count('filter') === 3);
  const times = ['--since', '1970-01-01T00:00:02Z', '--until', '1970-01-01T01:00:04+01:00'];
  const filters = ['--from', 'only-here', '--to', '200', '--q', 'HELLO', '--order', 'desc', ...times];
  const { code, stdout, stderr } = await lyftr(env, 'export', ...filters, '--json');
  assert.equal(code, 0, stderr);
  const ids = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).message_id);
  assert.deepEqual(ids, ['filter-3', 'filter-2']);
  assert.equal(JSON.parse(stderr).messages, 2);
});
