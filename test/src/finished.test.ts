/** Many short lives of ingest, as of pods that come and go: the ledger stays exact, and Redis does not grow. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ACCEPTED_KEY, ACKNOWLEDGED_KEY, FINISHED, SETTLED_KEY, SNAPSHOTS_KEY } from '@lyftr/shared/metrics';
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
const ACCEPTED = MESSAGES + LIVES * DUPLICATES;

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

async function assertExact(): Promise<void> {
  const { missing, ...figures } = (await system.get('/ledger')).json;
  assert.deepEqual(figures, {
    accepted: ACCEPTED,
    created: MESSAGES,
    duplicate: LIVES * DUPLICATES,
    dead_letter: 0,
    written_off: 0,
    waiting: 0,
    conflicting_duplicate: 0,
  });
  assert.deepEqual(missing, { batches: 0, producers: [], finished_messages: 0 });
  assert.equal(await system.metric('webhook_accepted_total'), ACCEPTED);
  assert.equal(await system.metric('queue_depth_messages'), 0);
}

/** Looks at once when it starts, and not again for a minute. */
async function restartWriter(): Promise<void> {
  await system.process('writer').stop();
  await system.startService('writer');
}

test(`${LIVES} short lives leave one figure in Redis`, { timeout: 240_000 }, async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const lives = Array.from({ length: TOGETHER }, (_, i) =>
      live(`${round}-${i}`, i === 0 && round % 5 === 0),
    );
    await Promise.all(lives);
  }
  await system.stored(MESSAGES);
  await eventually(
    'all are settled',
    async () => (await system.metric('webhook_accepted_total')) === ACCEPTED,
  );
  await assertExact();
  assert.ok((system.rows('SELECT count(*) FROM producers')[0]?.[0] as number) >= LIVES);

  await system.process('writer').stop();
  // whoever stopped since the last look may have left already: one more, that has taken nothing
  await system.redis.hset(SNAPSHOTS_KEY, IDLE, JSON.stringify({ at: 0, stopped: true, metrics: [] }));
  await system.redis.hset(ACCEPTED_KEY, IDLE, 0);
  // killed between the database and Redis
  await system.redis.del('lyftr:writer:lease');
  system.startService('writer', { CRASH_AT: 'between-finishing' }).catch(() => {});
  assert.equal((await system.process('writer').ended)[1], 'SIGKILL');
  await assertExact();
  assert.ok((await fields(ACCEPTED_KEY)).includes(IDLE));
  await system.redis.del('lyftr:writer:lease');
  await system.startService('writer');

  // whoever stopped is summed up; whoever was killed waits for an hour of silence, and the one that lives stays
  const killed = ROUNDS / 5;
  await eventually('they have left', async () => !(await fields(ACCEPTED_KEY)).includes(IDLE));
  assert.ok((await fields(ACCEPTED_KEY)).length <= killed + 2);
  await assertExact();
  assert.ok((await fields(ACCEPTED_KEY)).includes(FINISHED));
  const sum = (LIVES - killed) * (BATCHES * BATCH_MESSAGES + DUPLICATES);
  assert.equal(await system.redis.hget(ACCEPTED_KEY, FINISHED), String(sum));
  assert.equal(await system.redis.hget(SETTLED_KEY, FINISHED), String(sum));
  assert.ok((await fields(ACKNOWLEDGED_KEY)).length <= killed + 1);

  await restartWriter();
  await system.post(
    JSON.stringify({ message_id: '0-1-0-0', from: 'a', to: 'b', ts: 1_710_000_000, text: '0-1' }),
  );
  await eventually(
    'another duplicate',
    async () => (await system.get('/ledger')).json.duplicate === LIVES + 1,
  );
  assert.equal(await system.redis.hget(ACCEPTED_KEY, FINISHED), String(sum));
  const audit = await lyftr(system.env, 'audit', '--json');
  assert.equal(audit.code, 0, audit.stdout);
});
