/** `npm start` as somebody uses it: one command, one origin, and nothing left when it ends. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually, Process, sign } from './system.js';

const dir = mkdtempSync(join(tmpdir(), 'lyftr-start-'));
const env = { DATA_DIR: join(dir, 'data'), PORT: '0', QUERY_PORT: '0', WRITER_PORT: '0' };
const start = () => new Process('up', process.execPath, ['cli/dist/main.js', 'up'], env);

let up: Process;
let origin: string;
before(async () => {
  up = start();
  origin = await readyAt(up);
});
after(async () => {
  if (up.running) await up.stop('SIGINT');
  rmSync(dir, { recursive: true, force: true });
});

async function readyAt(run: Process): Promise<string> {
  const line = await eventually('ready', () => run.lines.find(({ msg }) => msg === 'ready'), 30_000);
  return line['url'] as string;
}

const secret = () => readFileSync(join(env.DATA_DIR, 'webhook-secret'), 'utf8').trim();

async function post(id: string): Promise<number> {
  const body = JSON.stringify({
    message_id: id,
    from: '100',
    to: '200',
    ts: 1_710_000_000,
    text: `hello ${id}`,
  });
  const headers = { 'content-type': 'application/json', 'x-signature': sign(body, secret()) };
  return (await fetch(`${origin}/webhook`, { method: 'POST', body, headers })).status;
}

// any answer's shape
// oxlint-disable-next-line typescript/no-explicit-any
const get = async (path: string): Promise<any> => (await fetch(`${origin}${path}`)).json();

async function isStored(id: string): Promise<void> {
  await eventually(
    `${id} is found`,
    async () => (await fetch(`${origin}/messages/${id}`)).status === 200,
    20_000,
  );
}

/** Pids of living processes that have the data folder or the given title in their command line. */
function pidsOf(pattern: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(pattern) && pid !== process.pid;
      } catch {
        return false;
      }
    });
}

/** Children of the supervisor by what they are. */
function childrenOf(parent: number): Map<string, number> {
  const children = new Map<string, number>();
  for (const pid of [...pidsOf('lyftr:'), ...pidsOf('redis-server')]) {
    const ppid = Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1]);
    if (ppid !== parent) continue;
    const title = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    children.set(/lyftr:(\w+)/.exec(title)?.[1] ?? 'redis', pid);
  }
  return children;
}

test('the request of the README is stored once, counted twice, and found on the same origin', async () => {
  const script = `
    BODY='{"message_id":"msg-001","from":"100","to":"200","ts":1710000000,"text":"hi"}'
    SIG=$(echo -n $BODY | openssl dgst -sha256 -hmac "$WEBHOOK_SECRET" | sed 's/^.* //')
    curl -s -X POST ${origin}/webhook -H "Content-Type: application/json" -H "x-signature: $SIG" -d "$BODY"`;
  const run = () =>
    execFileSync('sh', ['-c', script], {
      encoding: 'utf8',
      env: { ...process.env, WEBHOOK_SECRET: secret() },
    });
  assert.equal(run(), '{"status":"ok"}');
  assert.equal(run(), '{"status":"ok"}');
  await isStored('msg-001');
  const found = await get('/messages?q=HI&from_=100&since=2024-03-09T16:00:00Z&limit=20&offset=0');
  assert.deepEqual(found, {
    total: 1,
    limit: 20,
    offset: 0,
    data: [{ message_id: 'msg-001', from: '100', to: '200', ts: 1_710_000_000, text: 'hi' }],
    has_more: false,
  });
  assert.deepEqual(await get('/stats'), {
    total_messages: 1,
    senders_count: 1,
    messages_per_sender: [{ from: '100', count: 1 }],
    first_message_ts: '2024-03-09T16:00:00Z',
    last_message_ts: '2024-03-09T16:00:00Z',
  });
  assert.equal((await fetch(`${origin}/webhook`, { method: 'POST', body: '{}' })).status, 401);
  await eventually('the figures have arrived', async () => {
    const page = await (await fetch(`${origin}/metrics`)).text();
    assert.match(page, /^webhook_total\{status="created"\} 1$/m);
    assert.match(page, /^webhook_total\{status="duplicate"\} 1$/m);
    assert.match(page, /^webhook_total\{status="invalid_signature"\} 1$/m);
    assert.match(page, /^db_write_total\{result="success"\} 1$/m);
    assert.match(page, /^webhook_accepted_total 2$/m);
    return true;
  });
  assert.match(await (await fetch(`${origin}/`)).text(), /<title>Lyftr<\/title>/);
  assert.deepEqual(await get('/console.json'), { session: false, discard: true, replay: true, sources: [] });
  const docs = await fetch(`${origin}/docs`);
  assert.match(await docs.text(), /swagger/i);
  assert.ok((await get('/openapi.json')).paths['/webhook'].post);
});

test('a second start on the same folder refuses with one line that names the first', async () => {
  const second = start();
  assert.equal(await second.stop('SIGCONT'), 1);
  assert.equal(second.lines.length, 1);
  assert.match(String(second.lines[0]?.['msg']), new RegExp(String(up.child.pid)));
  assert.equal(await post('after-second'), 200);
});

test("files of the data folder are the owner's alone", () => {
  for (const name of ['webhook-secret', 'lyftr.db']) {
    assert.equal(statSync(join(env.DATA_DIR, name)).mode & 0o077, 0, name);
  }
});

test('lyftr load sends, counts, and finds all that was acknowledged', { timeout: 300_000 }, async () => {
  const run = (...args: string[]) => {
    const loading = new Process(
      'load',
      process.execPath,
      ['cli/dist/main.js', 'load', '--url', origin, ...args],
      env,
    );
    return loading.ended.then(([code]) => ({ code, result: loading.lines.at(-1) as Record<string, number> }));
  };
  const single = await run('--number', '500', '--json');
  assert.equal(single.code, 0);
  assert.deepEqual(pick(single.result), { acknowledged: 500, unknown: 0, stored: 500, missing: 0 });
  const batches = await run('--number', '1050', '--batch', '100', '--rate', '5000', '--json');
  assert.deepEqual(pick(batches.result), { acknowledged: 1_050, unknown: 0, stored: 1_050, missing: 0 });
  const nobody = new Process(
    'load',
    process.execPath,
    ['cli/dist/main.js', 'load', '--url', 'http://127.0.0.1:1'],
    env,
  );
  assert.deepEqual(await nobody.ended, [69, null]);
  assert.match(String(nobody.lines[0]?.['msg']), /no response from http:\/\/127.0.0.1:1/);
});

function pick({ acknowledged, unknown, stored, missing }: Record<string, number>) {
  return { acknowledged, unknown, stored, missing };
}

test(
  'each process that is killed comes back, and the next delivery is stored',
  { timeout: 300_000 },
  async () => {
    for (const name of ['ingest', 'writer', 'query', 'redis']) {
      const killed = childrenOf(up.child.pid as number).get(name);
      assert.ok(killed !== undefined, `${name} runs`);
      process.kill(killed, 'SIGKILL');
      await eventually(`${name} is back`, () => {
        const pid = childrenOf(up.child.pid as number).get(name);
        return pid !== undefined && pid !== killed;
      });
      const id = `after-${name}`;
      await eventually(`a delivery after ${name}`, async () => (await post(id)) === 200);
      await isStored(id);
    }
  },
);

test(
  'an interrupt drains, ends with 0, and leaves no process; the data is there again',
  { timeout: 300_000 },
  async () => {
    assert.equal(await post('before-end'), 200);
    assert.equal(await up.stop('SIGINT'), 0);
    assert.deepEqual(pidsOf(dir), []);
    assert.equal(existsSync(join(env.DATA_DIR, 'redis.sock')), false);
    await assert.rejects(fetch(`${origin}/healthz`));
    up = start();
    origin = await readyAt(up);
    await isStored('before-end');
    assert.equal((await get('/stats')).total_messages, 1_557);
    assert.equal(await up.stop('SIGTERM'), 0);
  },
);

test('a port that is taken is named, with the setting that changes it', async () => {
  const holder = (await import('node:net')).createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => holder.once('listening', resolve));
  const { port } = holder.address() as { port: number };
  const refused = new Process('up', process.execPath, ['cli/dist/main.js', 'up'], {
    ...env,
    PORT: String(port),
  });
  assert.equal(await refused.stop('SIGCONT'), 1);
  assert.match(refused.lines.map(({ msg }) => msg).join('\n'), new RegExp(`port ${port} is in use.*PORT`));
  holder.close();
});
