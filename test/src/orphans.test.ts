/** A supervisor that is killed leaves nothing that lasts or that a next start trips over; two on one folder never run. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { eventually, freePort, Process, sign } from './system.js';

const dir = mkdtempSync(join(tmpdir(), 'lyftr-orphans-'));
const SECRET = 'a secret of the orphans';
after(() => {
  for (const { pid } of processesOf(dir)) process.kill(pid, 'SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

/** Living processes whose command line, environment or working directory names the folder. */
function processesOf(folder: string): { pid: number; command: string; cwd: string }[] {
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name);
    if (Number.isNaN(pid) || pid === process.pid) return [];
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      const cwd = readlinkSync(`/proc/${pid}/cwd`);
      const isOurs = (command + cwd + readFileSync(`/proc/${pid}/environ`, 'utf8')).includes(folder);
      return isOurs ? [{ pid, command, cwd }] : [];
    } catch {
      return [];
    }
  });
}

/** Redis servers that work on the folder's files. */
const redisOf = (folder: string) =>
  processesOf(folder).filter(
    ({ command, cwd }) => cwd === join(folder, 'data/redis') && command.includes('redis-server'),
  );

interface Place {
  folder: string;
  start: (env?: Record<string, string>) => Process;
}

/** Fixed ports: what was left behind on them is in the way of the next start. */
async function place(name: string): Promise<Place> {
  const folder = join(dir, name);
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir, { recursive: true });
  const [PORT, QUERY_PORT, WRITER_PORT] = await Promise.all([freePort(), freePort(), freePort()]);
  const env = {
    DATA_DIR: dataDir,
    WEBHOOK_SECRET: SECRET,
    TMPDIR: tmpdir(),
    PORT: String(PORT),
    QUERY_PORT: String(QUERY_PORT),
    WRITER_PORT: String(WRITER_PORT),
  };
  return {
    folder,
    start: (more = {}) =>
      new Process('up', process.execPath, ['cli/dist/main.js', 'up'], { ...env, ...more }),
  };
}

async function readyAt(up: Process): Promise<string> {
  const line = await eventually(
    'ready',
    () => {
      if (!up.running) throw new Error(`it ended: ${JSON.stringify(up.lines)}`);
      return up.lines.find(({ msg }) => msg === 'ready');
    },
    60_000,
  );
  return line['url'] as string;
}

async function post(origin: string, id: string): Promise<number> {
  const body = JSON.stringify({ message_id: id, from: '1', to: '2', ts: 1_710_000_000 });
  const headers = { 'content-type': 'application/json', 'x-signature': sign(body, SECRET) };
  return (await fetch(`${origin}/webhook`, { method: 'POST', body, headers })).status;
}

const isStored = (origin: string, id: string) =>
  eventually(`${id} is found`, async () => (await fetch(`${origin}/messages/${id}`)).status === 200, 30_000);

const MOMENTS: [string, (folder: string, up: Process) => unknown][] = [
  [
    'its Redis appears',
    (folder) => processesOf(folder).some(({ command }) => command.includes('redis-server')),
  ],
  ['its services appear', (folder) => processesOf(folder).some(({ command }) => command.includes('main.js'))],
  [
    'its services are named',
    (folder) => processesOf(folder).some(({ command }) => /lyftr:(?!up)/.test(command)),
  ],
  ['it is ready', (_folder, up) => up.lines.some(({ msg }) => msg === 'ready')],
];

for (const [what, hasCome] of MOMENTS) {
  test(`killed when ${what}: the next start finds its ports free`, { timeout: 300_000 }, async () => {
    const { folder, start } = await place(what.replaceAll(' ', '-'));
    const killed = start();
    await eventually(what, () => hasCome(join(folder, 'data'), killed), 60_000);
    await killed.stop('SIGKILL');
    const next = start();
    const origin = await readyAt(next);
    assert.equal(redisOf(folder).length, 1);
    assert.equal(await post(origin, 'after'), 200);
    await isStored(origin, 'after');
    assert.equal(await next.stop('SIGTERM'), 0);
    assert.deepEqual(processesOf(folder), []);
  });
}

test('killed, and not started again: nothing of it stays', { timeout: 300_000 }, async () => {
  const { folder, start } = await place('alone');
  const up = start();
  const origin = await readyAt(up);
  assert.equal(await post(origin, 'before'), 200);
  await up.stop('SIGKILL');
  await eventually('all have ended', () => processesOf(folder).length === 0, 40_000);
});

test(
  'a path too long for a socket, and another TMPDIR: still one at a time',
  { timeout: 300_000 },
  async () => {
    const { folder, start } = await place(join('x'.repeat(120), 'what?'));
    const temporary = mkdtempSync(join(dir, 'tmp-'));
    const first = start();
    const origin = await readyAt(first);
    const second = start({ TMPDIR: temporary, PORT: '0', QUERY_PORT: '0', WRITER_PORT: '0' });
    assert.equal(await second.stop('SIGCONT'), 1);
    assert.match(
      String(second.lines[0]?.['msg']),
      new RegExp(`already running .* process ${first.child.pid}$`),
    );

    assert.equal(await post(origin, 'before'), 200);
    await first.stop('SIGKILL');
    const next = start({ TMPDIR: temporary });
    await isStored(await readyAt(next), 'before');
    assert.equal(redisOf(folder).length, 1);
    assert.equal(await next.stop('SIGTERM'), 0);
  },
);
