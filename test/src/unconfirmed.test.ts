/** A message that is stored though its sender was told 503 hides none that was acknowledged. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lyftr } from './cli.js';
import { eventually, System } from './system.js';

const body = (id: string): string =>
  JSON.stringify({ message_id: id, from: 'a', to: 'b', ts: 1_710_000_000, text: id });

test('what Redis applied as it woke is unconfirmed, and what waits behind it is shown', async () => {
  const system = await System.start();
  try {
    const redis = system.process('redis');
    redis.child.kill('SIGSTOP');
    assert.equal((await system.post(body('refused'))).status, 503);
    redis.child.kill('SIGCONT');
    await system.stored(1);
    const ledger = async () => (await system.get('/ledger')).json;
    await eventually('it is named', async () => (await ledger()).unconfirmed === 1);
    assert.equal(await system.metric('webhook_accepted_total'), 0);

    const writer = system.process('writer');
    writer.child.kill('SIGSTOP');
    try {
      await eventually('ingest takes messages', async () => (await system.post(body('kept'))).status === 200);
      const { difference, ...figures } = await eventually('it is published', async () => {
        const now = await ledger();
        return now.accepted === 1 && now;
      });
      assert.deepEqual([figures.unconfirmed, figures.created, figures.waiting, difference], [1, 1, 1, 0]);
      assert.equal(await system.metric('webhook_accepted_total'), 1);
      assert.equal(await system.metric('queue_depth_messages'), 1);
      const env = { ...system.env, PORT: new URL(system.origin).port };
      const status = await lyftr(env, 'status', '--json');
      const { queue } = JSON.parse(status.stdout) as { queue: { messages: number } };
      assert.equal(queue.messages, 1);
    } finally {
      writer.child.kill('SIGCONT');
    }
    await system.stored(2);
    assert.deepEqual((await ledger()).missing, { messages: 0, producers: [] });
  } finally {
    await system.stop();
  }
});
