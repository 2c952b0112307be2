/** `lyftr export` when the stream is whole, and when it is not. import.test.ts has the way through real systems. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { lyftr, MAIN, type CliResult } from './cli.js';
import { startExportServer, type Ending } from './export-server.js';
import { eventually, Process } from './system.js';

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'lyftr-export-'));
});
after(() => rmSync(dir, { recursive: true, force: true }));

const LINES = ['{"message_id":"1"}\n', '{"message_id":"2"}\n'];
const CSV = ['message_id,from,to,ts,text,extra\n', '1,a,b,1,"x\n', 'y",\n'];

async function exporting(total: number, parts: string[], ending: Ending, ...args: string[]) {
  const server = await startExportServer(total, parts, ending);
  try {
    const result: CliResult = await lyftr({ DATA_DIR: dir }, 'export', '--url', server.origin, ...args);
    return { ...result, asked: server.asked };
  } finally {
    server.close();
  }
}

test('a whole stream is kept byte by byte, for its owner, with every filter passed on', async () => {
  const file = join(dir, 'whole.csv');
  const filters = ['--q', 'a&b', '--from', '+1', '--to', 'ü', '--since', '2026-01-01T00:00:00+01:00'];
  const args = [
    '--format',
    'csv',
    '-o',
    file,
    '--json',
    ...filters,
    '--until',
    '2027-01-01',
    '--order',
    'desc',
  ];
  const { code, stdout, stderr, asked } = await exporting(1, CSV, 'whole', ...args);
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(readFileSync(file, 'utf8'), CSV.join(''));
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const { seconds: _, ...result } = JSON.parse(stdout);
  assert.deepEqual(result, { file, format: 'csv', messages: 1 });
  const [totals, stream] = asked.map((target) =>
    Object.fromEntries(new URL(target, 'http://h').searchParams),
  );
  const passed = {
    q: 'a&b',
    from_: '+1',
    to: 'ü',
    since: '2026-01-01T00:00:00+01:00',
    until: '2027-01-01',
    order: 'desc',
  };
  assert.deepEqual(totals, { limit: '1', ...passed });
  assert.deepEqual(stream, { format: 'csv', ...passed });
});

test('messages that came or went after they were counted are no fault', async () => {
  for (const total of [1, 3]) {
    const { code, stdout } = await exporting(total, LINES, 'whole');
    assert.deepEqual([code, stdout], [0, LINES.join('')], `${total} counted`);
  }
});

test('a stream that breaks off is an error, and no file is left', async () => {
  const cases: [string, number, string[], Ending, RegExp][] = [
    ['ndjson', 3, LINES, 'cut', /was cut off after 2 of 3 messages/],
    ['ndjson', 2, LINES, 'cut', /was cut off after 2 of 2 messages/],
    ['csv', 1, CSV, 'cut', /was cut off after 1 of 1 messages/],
    ['ndjson', 1, [...LINES, '{"mess'], 'whole', /ended inside message 3$/m],
    ['csv', 1, CSV.slice(0, 2), 'whole', /ended inside message 1$/m],
  ];
  for (const [format, total, parts, ending, reason] of cases) {
    const toFile = await exporting(total, parts, ending, '--format', format, '-o', join(dir, 'cut'));
    const toPipe = await exporting(total, parts, ending, '--format', format);
    for (const { code, stderr } of [toFile, toPipe]) {
      assert.equal(code, 1, String(reason));
      assert.match(stderr, /^lyftr: the stream [^\n]+\n$/);
      assert.match(stderr, reason);
    }
    assert.equal(toFile.stdout, '');
    assert.deepEqual(
      readdirSync(dir).filter((name) => name.startsWith('cut')),
      [],
    );
  }
});

test('a file that is there stays as it is without --force, and while the new one is not whole', async () => {
  const file = join(dir, 'there');
  writeFileSync(file, 'precious');
  const refused = await exporting(2, LINES, 'whole', '-o', file);
  assert.deepEqual([refused.code, refused.asked], [1, []]);
  assert.match(refused.stderr, /already exists: use --force to replace it/);
  assert.equal((await exporting(2, LINES, 'cut', '-o', file, '--force')).code, 1);
  assert.equal(readFileSync(file, 'utf8'), 'precious');
  assert.equal((await exporting(2, LINES, 'whole', '-o', file, '--force')).code, 0);
  assert.equal(readFileSync(file, 'utf8'), LINES.join(''));
});

test('Ctrl-C leaves no file', async () => {
  const server = await startExportServer(3, LINES, 'never');
  const args = [MAIN, 'export', '--url', server.origin, '-o', join(dir, 'interrupted')];
  const child = new Process('export', process.execPath, args, { DATA_DIR: dir });
  const files = () => readdirSync(dir).filter((name) => name.startsWith('interrupted'));
  try {
    await eventually('it writes', () => files().some((name) => statSync(join(dir, name)).size > 0));
    assert.equal(await child.stop('SIGINT'), 130);
    assert.deepEqual(files(), []);
  } finally {
    await child.stop('SIGKILL');
    server.close();
  }
});
