/** Many short lives of ingest, as of pods that come and go: the ledger stays exact, and Redis does not grow. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CONFIRMED_KEY, ENDED_KEY, SETTLED_KEY } from '@lyftr/shared/ledger';
import { SNAPSHOTS_KEY } from '@lyftr/shared/metrics';
import { lyftr } from './cli.js';
import { eventually, sign, System } from './system.js';

const ROUNDS = 25;
const TOGETHER = 2;
const LIVES = ROUNDS * TOGETHER;
const BATCHES = 3;
const BATCH_MESSAGES = 4;
const MESSAGES = LIVES * BATCHES * BATCH_MESSAGES;
/** Of each life. */
const DUPLICATES = 1;
/** A process to which nobody sent anything. */
const IDLE = 'idle-1-abcdef';
/** Lives that end without a word. */
const KILLED = ROUNDS / 5;
const OF_LIFE = BATCHES * BATCH_MESSAGES + DUPLICATES;
const SETTLED = LIVES * OF_LIFE;

let system: System;
before(async () => {
  system = await System.start();
});
after(() => system.stop());

async function post(port: number, messages: object): Promise<void> {
  const body = JSON.stringify(messages);
  const headers = { 'content-type': 'application/json', 'x-signature': sign(body) };
  const answer = await fetch(`http://127.0.0.1:${port}/webhook/batch`, { method: 'POST', headers, body });
  assert.equal(answer.status, 200);
}

/** One process that takes messages and ends, with its last figures or without a word. */
async function live(id: string, isKilled: boolean): Promise<void> {
  const ingest = await system.startService('ingest', {}, `ingest ${id}`);
  const port = await ingest.port();
  const of = (batch: number) =>
    Array.from({ length: BATCH_MESSAGES }, (_, i) => ({
      message_id: `${id}-${batch}-${i}`,
      from: 'a',
      to: 'b',
      ts: 1_710_000_000,
      text: id,
    }));
  for (let batch = 0; batch < BATCHES; batch++) await post(port, of(batch));
  await post(port, of(0).slice(0, DUPLICATES));
  await ingest.stop(isKilled ? 'SIGKILL' : 'SIGTERM');
}

const fields = async (key: string): Promise<string[]> => (await system.redis.hkeys(key)).toSorted();

/** `accepted` is what was confirmed: a process that is killed may not have published its last second. */
async function assertExact(): Promise<number> {
  const { missing, accepted, unconfirmed, ...figures } = (await system.get('/ledger')).json;
  assert.deepEqual(figures, {
    accepted_by_source: {},
    fanout: 0,
    created: MESSAGES,
    duplicate: LIVES * DUPLICATES,
    dead_letter: 0,
    written_off: 0,
    waiting: 0,
    difference: 0,
    conflicting_duplicate: 0,
    dead_letters: {
      corrupt_envelope: 0,
      unstorable_message: 0,
      conflicting_duplicate: 0,
      unmapped_delivery: 0,
    },
  });
  assert.equal(accepted + unconfirmed, SETTLED);
  assert.ok(unconfirmed <= KILLED * OF_LIFE);
  assert.deepEqual(missing, { messages: 0, producers: [] });
  assert.equal(await system.metric('webhook_accepted_total'), accepted);
  assert.equal(await system.metric('ledger_unconfirmed_messages'), unconfirmed);
  assert.equal(await system.metric('queue_depth_messages'), 0);
  return accepted as number;
}

const ended = async (): Promise<number> => {
  const { accepted = '0', unconfirmed = '0' } = await system.redis.hgetall(ENDED_KEY);
  return Number(accepted) + Number(unconfirmed);
};

test(`${LIVES} short lives leave two figures in Redis`, { timeout: 300_000 }, async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const lives = Array.from({ length: TOGETHER }, (_, i) =>
      live(`${round}-${i}`, i === 0 && round % 5 === 0),
    );
    await Promise.all(lives);
  }
  await system.stored(MESSAGES);
  const settled = () => system.metric('webhook_total{status="duplicate"}');
  await eventually('all are settled', async () => (await settled()) === LIVES * DUPLICATES);
  const accepted = await assertExact();

  await system.process('writer').stop();
  // whoever stopped since the last look may have left already: one more, that has taken nothing
  await system.redis.hset(SNAPSHOTS_KEY, IDLE, JSON.stringify({ at: 0, stopped: true, metrics: [] }));
  await system.redis.hset(CONFIRMED_KEY, IDLE, '{"messages":0,"ranges":[]}');
  await system.redis.del('lyftr:writer:lease');
  // looks at once when it starts
  await system.startService('writer');

  // Those that stopped are summed up. Those that were killed may still be listed: they leave when they were silent for two
  // looks. The process that lives stays.
  await eventually('they have left', async () => !(await fields(CONFIRMED_KEY)).includes(IDLE));
  assert.equal(await assertExact(), accepted);
  const listed = (await fields(SETTLED_KEY)).length;
  assert.ok(listed <= KILLED);
  assert.equal(await ended(), (LIVES - listed) * OF_LIFE);
  assert.ok((await fields(CONFIRMED_KEY)).length <= KILLED + 1);

  await system.post(
    JSON.stringify({ message_id: '0-1-0-0', from: 'a', to: 'b', ts: 1_710_000_000, text: '0-1' }),
  );
  await eventually(
    'another duplicate',
    async () => (await system.get('/ledger')).json.duplicate === LIVES * DUPLICATES + 1,
  );
  const living = `-${system.process('ingest').child.pid}-`;
  const others = (await fields(SETTLED_KEY)).filter((producer) => !producer.includes(living));
  assert.equal(await ended(), (LIVES - others.length) * OF_LIFE);
  const audit = await lyftr(system.env, 'audit', '--json');
  assert.equal(audit.code, 0, audit.stdout);
});
