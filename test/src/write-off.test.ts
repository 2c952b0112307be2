/** `lyftr ledger` and `lyftr ledger write-off`: batches that Redis has lost, as one that was restored from an old copy. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CONFIRMED_KEY, SETTLED_KEY } from '@lyftr/shared/ledger';
import { lyftr, type CliResult } from './cli.js';
import { eventually, System, type Environment } from './system.js';

const JOBS = 'lyftr:deliveries:';

let system: System;
let env: Environment;
before(async () => {
  system = await System.start();
  env = { ...system.env, PORT: new URL(system.origin).port };
});
after(() => system.stop());

/** Leads, and has published where it listens. */
async function startWriter(): Promise<void> {
  const { lines } = await system.startService('writer');
  const { instance } = lines.find(({ msg }) => msg === 'listening') ?? {};
  await eventually('it is known where it listens', async () => {
    const { processes } = (await system.get('/system')).json;
    return processes?.some(
      (each: { instance: string; leads: boolean }) => each.leads && each.instance === instance,
    );
  });
}

const run = (...args: string[]): Promise<CliResult> => lyftr(env, 'ledger', ...args);
const ledger = async () => (await system.get('/ledger')).json;

async function deliver(id: string, count: number): Promise<void> {
  const messages = Array.from({ length: count }, (_, i) => ({
    message_id: `${id}-${i}`,
    from: 'a',
    to: 'b',
    ts: 1_710_000_000,
    text: id,
  }));
  assert.equal((await system.post(JSON.stringify(messages), {}, '/webhook/batch')).status, 200);
}

/** Takes the only job that waits out of Redis; returns what puts it back. */
async function lose(): Promise<() => Promise<void>> {
  const { redis } = system;
  const id = await redis.rpop(`${JOBS}wait`);
  assert.ok(id !== null);
  await redis.rename(`${JOBS}${id}`, 'aside');
  return async () => {
    await redis.rename('aside', `${JOBS}${id}`);
    await redis.lpush(`${JOBS}wait`, id);
    // as BullMQ wakes a writer that waits for a job
    await redis.zadd(`${JOBS}marker`, 0, '0');
  };
}

test('what is missing is written off, stays visible, and is stored when it comes after all', async () => {
  await deliver('kept', 10);
  await system.stored(10);
  await system.process('writer').stop();
  await deliver('lost', 7);
  const bringBack = await lose();
  const { producer } = await eventually('it is missing', async () => {
    const { missing, difference } = await ledger();
    return difference === 7 && missing?.producers[0];
  });

  const away = await run('write-off', '--yes');
  assert.equal(away.code, 1);
  assert.match(away.stderr, /There is no leading writer now\. Nothing was changed\. Try again/);
  await startWriter();
  const unasked = await run('write-off');
  assert.deepEqual([unasked.code, unasked.stdout], [64, '']);
  assert.match(unasked.stderr, /--yes/);
  const audited = await lyftr(env, 'audit');
  assert.equal(audited.code, 1);
  assert.match(
    audited.stdout,
    /^FAULT {5}acknowledged {3}accepted 17.*difference 7\n.*7 messages acknowledged and missing/m,
  );
  const shown = await run();
  assert.equal(shown.code, 1);
  assert.match(
    shown.stdout,
    /^ {2}17 accepted\n\+ {2}0 unconfirmed\n\+ {2}0 more outcomes of deliveries\n= 10 created\n[^]*\+ {2}0 written off\n\+ {2}0 waiting\n/,
  );
  assert.ok(shown.stdout.endsWith(`missing: 7 messages\n  ${producer}  11-17\n`), shown.stdout);

  const done = await run('write-off', '--yes', '--json');
  assert.equal(done.code, 0, done.stderr);
  const expected = { messages: 7, producers: [{ producer, ranges: [[11, 17]] }], unnamed: 0, unconfirmed: 0 };
  assert.deepEqual(JSON.parse(done.stdout), expected);
  const account = {
    accepted: 17,
    unconfirmed: 0,
    accepted_by_source: {},
    fanout: 0,
    duplicate: 0,
    dead_letter: 0,
    conflicting_duplicate: 0,
    dead_letters: {
      corrupt_envelope: 0,
      unstorable_message: 0,
      conflicting_duplicate: 0,
      unmapped_delivery: 0,
    },
    waiting: 0,
    difference: 0,
  };
  const nothing = { messages: 0, producers: [] };
  assert.deepEqual(await ledger(), { ...account, created: 10, written_off: 7, missing: nothing });
  assert.equal(await system.metric('ledger_written_off_messages'), 7);
  assert.equal(await system.metric('queue_depth_messages'), 0);
  assert.equal(await system.metric('webhook_accepted_total'), 17);
  const same = async (): Promise<boolean> => {
    const { redis } = system;
    const confirmed = JSON.parse((await redis.hget(CONFIRMED_KEY, producer)) ?? '{}') as { ranges: unknown };
    return JSON.stringify(confirmed.ranges) === (await redis.hget(SETTLED_KEY, producer));
  };
  await eventually('ingest is told that nothing waits', same);
  assert.equal((await run()).code, 0);
  assert.equal((await run('write-off', '--yes')).stdout, 'nothing is missing\n');

  await bringBack();
  await system.stored(17);
  assert.deepEqual(await ledger(), { ...account, created: 17, written_off: 0, missing: nothing });
  assert.equal((await system.get('/messages/lost-6')).status, 200);
  assert.equal(await system.metric('ledger_written_off_messages'), 0);
  const audit = await lyftr(env, 'audit', '--json');
  assert.equal(audit.code, 0, audit.stdout);
});

test('without Redis nothing is written off', async () => {
  await system.process('redis').stop('SIGKILL');
  const { code, stderr } = await run('write-off', '--yes');
  assert.equal(code, 1);
  assert.match(stderr, /GET \/ledger returned 503/);
  const writer = `http://127.0.0.1:${await system.process('writer').port()}`;
  const answer = await fetch(`${writer}/ledger/missing?difference=0`, { method: 'DELETE' });
  assert.equal(answer.status, 503);
});
