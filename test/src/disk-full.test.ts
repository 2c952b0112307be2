/** `npm start` on a disk without room: a file system of one MiB, full but for some bytes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { eventually, Process, System } from './system.js';

const PAGE_BYTES = 4_096;
const PAGES = 256;
const dir = mkdtempSync(join(tmpdir(), 'lyftr-full-'));
const disk = join(dir, 'disk');
const data = join(disk, 'data');
mkdirSync(disk);
after(() => rmSync(dir, { recursive: true }));

/** Seen by the processes of the test alone, and gone with them. */
const MOUNT = `mount -t tmpfs -o size=${PAGES * PAGE_BYTES} tmpfs '${disk}'`;
const probe = `${MOUNT} && test "$(getconf PAGESIZE)" = ${PAGE_BYTES}`;
const skip =
  spawnSync('unshare', ['-m', 'sh', '-c', probe]).status === 0
    ? false
    : 'a file system of its own cannot be mounted here, or has other pages';

/** `up` with so many pages left for its files. */
function startWith(pagesLeft: number, env: Record<string, string> = {}): Process {
  const script = `${MOUNT} && mkdir '${data}' &&
    dd if=/dev/zero of='${disk}/fill' bs=${PAGE_BYTES} count=${PAGES - pagesLeft} 2>'${dir}/dd' &&
    exec '${process.execPath}' cli/dist/main.js up`;
  const ports = { PORT: '0', QUERY_PORT: '0', WRITER_PORT: '0' };
  return new Process('up', 'unshare', ['-m', 'sh', '-c', script], { DATA_DIR: data, ...ports, ...env });
}

const FULL = `the disk of DATA_DIR (${data}) is full: make room, then start again`;

for (const [what, pagesLeft, message] of [
  ['the lock', 0, `lyftr: ${FULL}`],
  ['the file of its pid', 1, `lyftr: ${FULL}`],
  ['the secret', 2, FULL],
  ['the first file of Redis', 3, `redis-server could not start: ${FULL}`],
  ['the list of its files', 4, `redis-server could not start: ${FULL}`],
  ['what Redis is told by the services', 6, `redis-server could not start: ${FULL}`],
] as const) {
  test(`without room for ${what}, one line says that the disk is full`, { skip }, async () => {
    const up = startWith(pagesLeft);
    assert.deepEqual(await up.ended, [1, null]);
    const own = up.lines.filter(({ service, level }) => service === undefined || level === 'fatal');
    const said = own.filter(({ service }) => service !== 'writer').map(({ msg }) => msg);
    assert.deepEqual(said, [message]);
  });
}

test('without room for the database, the writer says so in one line, and tries again', { skip }, async () => {
  const system = new System();
  let up: Process | undefined;
  try {
    await system.startRedis();
    const { REDIS_URL, WEBHOOK_SECRET } = system.env as { REDIS_URL: string; WEBHOOK_SECRET: string };
    up = startWith(6, { REDIS_URL, WEBHOOK_SECRET });
    const lines = await eventually('the writer has tried twice', () => {
      const found = up?.lines.filter(({ service, level }) => service === 'writer' && level === 'fatal');
      return found !== undefined && found.length >= 2 && found;
    });
    for (const { msg, err } of lines)
      assert.deepEqual([msg, err], [`could not open the database: ${FULL}`, undefined]);
  } finally {
    await up?.stop('SIGINT');
    await system.stop();
  }
});

test('a Redis that does not start for another reason says which', async () => {
  const files = join(dir, 'damaged/redis/appendonlydir');
  mkdirSync(files, { recursive: true });
  writeFileSync(join(files, 'appendonly.aof.manifest'), 'damaged\n');
  const up = new Process('up', process.execPath, ['cli/dist/main.js', 'up'], {
    DATA_DIR: join(dir, 'damaged'),
    PORT: '0',
    QUERY_PORT: '0',
    WRITER_PORT: '0',
  });
  assert.deepEqual(await up.ended, [1, null]);
  const said = up.lines.find(({ level }) => level === 'fatal')?.['msg'];
  assert.match(String(said), /^redis-server could not start \(exit code 1\): .*AOF manifest/);
});
