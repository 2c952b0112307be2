/** Two writers: the standby takes over from one that is dead, and from one that only seemed to be. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { databaseFile } from '@lyftr/store/sqlite/format';
import { Cluster } from './soak/cluster.js';
import { createGateway } from './soak/gateway.js';
import { openJournal, readJournal } from './soak/journal.js';
import { createRandom } from './soak/random.js';
import { writeSoakSources } from './soak/sources.js';
import { judge } from './soak/verdict.js';
import { eventually, System, type Process } from './system.js';

const RATE = 1_500;
/** A lease runs out after 2.5 s and is asked for four times a second; the rest is for a busy machine. */
const TAKEOVER_MS_MAX = 6_000;

/** Runs `trouble` under load, lets the sender finish, and asserts that every promise was kept. */
async function underLoad(trouble: (cluster: Cluster) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'lyftr-standby-'));
  const cluster = await Cluster.start(writeSoakSources(dir));
  const stopSending = new AbortController();
  try {
    const journal = await openJournal(join(dir, 'journal'));
    const gateway = createGateway(cluster.system.origin, RATE, journal, createRandom(1));
    const sending = gateway.run(stopSending.signal);
    await delay(500);
    await trouble(cluster);
    gateway.finish();
    await sending;
    await journal.close();
    await cluster.drained(30_000);
    const checks = await judge(cluster.system, await readJournal(join(dir, 'journal')));
    assert.deepEqual(
      checks.filter(({ ok }) => !ok),
      [],
    );
  } finally {
    stopSending.abort();
    await cluster.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * Stops a writer between two transactions. In the middle of one it would hold SQLite's lock, and nobody could take over
 * from it before it wakes or is killed.
 */
async function pause({ system }: Cluster, writer: Process): Promise<void> {
  const database = new Database(databaseFile(system.env['DATA_DIR'] as string), { timeout: 0 });
  try {
    await eventually('the writer is stopped outside of a transaction', async () => {
      writer.child.kill('SIGSTOP');
      await delay(10);
      try {
        database.exec('BEGIN IMMEDIATE; ROLLBACK');
        return true;
      } catch {
        writer.child.kill('SIGCONT');
        return false;
      }
    });
  } finally {
    database.close();
  }
}

const storing = (writer: Process): Promise<unknown> =>
  eventually(`${writer.name} stores messages`, () => writer.logged('storing messages'), TAKEOVER_MS_MAX);

async function takeover(t: TestContext, standby: Process): Promise<void> {
  const from = performance.now();
  await storing(standby);
  t.diagnostic(`the standby took over within ${Math.round(performance.now() - from)} ms`);
}

test('the active writer is killed: the standby takes over, nothing is lost', { timeout: 300_000 }, (t) =>
  underLoad(async ({ system }) => {
    system.process('writer').child.kill('SIGKILL');
    await takeover(t, system.process('standby'));
    await delay(500);
  }),
);

/** What a process has published last: whether it had stopped in order. */
async function hasStopped({ redis }: System, pid: number | undefined): Promise<boolean | undefined> {
  const snapshots = Object.values(await redis.hgetall('lyftr:metrics')).map(
    (json) => JSON.parse(json) as { pid: number; stopped: boolean },
  );
  return snapshots.find((snapshot) => snapshot.pid === pid)?.stopped;
}

test('the active writer ends in order: the standby takes over at once', { timeout: 300_000 }, (t) =>
  underLoad(async ({ system }) => {
    const { pid } = system.process('writer').child;
    assert.equal(await system.process('writer').stop(), 0);
    assert.equal(await hasStopped(system, pid), true);
    await takeover(t, system.process('standby'));
    await delay(500);
  }),
);

test(
  'the active writer is paused and replaced: when it wakes it is fenced off and ends, nothing is lost or doubled',
  { timeout: 300_000 },
  (t) =>
    underLoad(async (cluster) => {
      const { system } = cluster;
      const paused = system.process('writer');
      const standby = system.process('standby');
      await pause(cluster, paused);
      const wake = delay(5_000);
      await takeover(t, standby);
      await wake;
      paused.child.kill('SIGCONT');
      const [code] = await paused.ended;
      assert.equal(code, 1);
      assert.ok(paused.logged('replaced by another writer'));
      assert.ok(standby.running);
      await delay(500);
    }),
);

test(
  'a job that a replaced writer took with it is stored by the one at work',
  { timeout: 300_000 },
  async () => {
    const system = await System.start();
    try {
      const writer = system.process('writer');
      await eventually('the writer waits for jobs', () => writer.logged('storing messages'));
      writer.child.kill('SIGSTOP');
      const body = JSON.stringify({ message_id: 's-1', from: 'a', to: 'b', ts: 1, text: '' });
      assert.equal((await system.post(body)).status, 200);
      // what a writer does that wakes up, takes a job, and only then finds itself replaced
      const key = (name: string): string => `lyftr:deliveries:${name}`;
      assert.notEqual(await system.redis.lmove(key('wait'), key('active'), 'RIGHT', 'LEFT'), null);
      writer.child.kill('SIGCONT');
      await system.stored(1);
      await eventually('nothing is active', async () => (await system.redis.llen(key('active'))) === 0);
    } finally {
      await system.stop();
    }
  },
);
