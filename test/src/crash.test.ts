/** Deaths between two steps, where no kill from outside can aim. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CrashPoint } from '@lyftr/shared/runtime/crash';
import { eventually, System } from './system.js';

const KILLS = 5;
const BATCH_MESSAGES = 50;

const messages = Array.from({ length: BATCH_MESSAGES }, (_, i) => ({
  message_id: `c-${i}`,
  from: `sender ${i % 3}`,
  to: 'b',
  ts: 1_710_000_000 + i,
  text: `text ${i}`,
}));

const withSystem = async (body: (system: System) => Promise<void>): Promise<void> => {
  const system = await System.start();
  try {
    await body(system);
  } finally {
    await system.stop();
  }
};

/** Starts a process that is to die at `point`, and waits until it has. */
async function dieAt(system: System, service: 'ingest' | 'writer', point: CrashPoint): Promise<void> {
  // the dead writer's lease would run out by itself; waiting for it is not what is tested here
  await system.redis.del('lyftr:writer:lease');
  // a job that waits may kill it before its first line has left it, and then it never says its port
  system.startService(service, { CRASH_AT: point }).catch(() => {});
  const [, signal] = await system.process(service).ended;
  assert.equal(signal, 'SIGKILL');
}

async function assertLedger(system: System, expected: Record<string, number>): Promise<void> {
  await eventually('the ledger is balanced', async () => {
    const { json } = await system.get('/ledger');
    const { missing, ...figures } = json;
    assert.deepEqual(figures, {
      unconfirmed: 0,
      accepted_by_source: {},
      fanout: 0,
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
      ...expected,
    });
    assert.equal(missing.messages, 0);
    return true;
  });
}

for (const point of ['before-commit', 'after-commit'] as const) {
  test(
    `the writer dies ${KILLS} times at ${point} of one batch: it is stored and counted once`,
    { timeout: 300_000 },
    () =>
      withSystem(async (system) => {
        await system.process('writer').stop();
        assert.equal((await system.post(JSON.stringify(messages), {}, '/webhook/batch')).status, 200);
        for (let kill = 0; kill < KILLS; kill++) {
          await dieAt(system, 'writer', point);
          const stored = system.rows('SELECT count(*) FROM messages');
          assert.deepEqual(stored, [[point === 'after-commit' ? BATCH_MESSAGES : 0]]);
        }
        await system.redis.del('lyftr:writer:lease');
        await system.startService('writer');
        await assertLedger(system, { accepted: BATCH_MESSAGES, created: BATCH_MESSAGES, duplicate: 0 });
        const { json } = await system.get('/stats');
        assert.equal(json.total_messages, BATCH_MESSAGES);
        assert.deepEqual(
          json.messages_per_sender.map(({ count }: { count: number }) => count),
          [17, 17, 16],
        );
      }),
  );
}

for (const [point, settled] of [
  // Redis has the first sending, and nobody was told
  ['after-acknowledgement', { accepted: 1, unconfirmed: 1, created: 1, duplicate: 1 }],
  ['before-enqueue', { accepted: 1, created: 1, duplicate: 0 }],
] as const) {
  test(`ingest dies ${point}: the sender has no answer and sends again, one row`, { timeout: 300_000 }, () =>
    withSystem(async (system) => {
      await system.process('ingest').stop();
      const doomed = await system.startIngest({ CRASH_AT: point });
      const body = JSON.stringify(messages[0]);
      await assert.rejects(system.post(body));
      assert.deepEqual(await doomed.ended, [null, 'SIGKILL']);
      await system.startIngest();
      assert.equal((await system.post(body)).status, 200);
      await assertLedger(system, settled);
      assert.deepEqual(system.rows('SELECT message_id, count(*) FROM messages'), [['c-0', 1]]);
    }),
  );
}
