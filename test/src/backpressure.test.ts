/** A queue that nobody drains is refused more, well before Redis is full. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, System, type Answer } from './system.js';

const HIGH_WATER = 20;

const post = (system: System, id: number): Promise<Answer> =>
  system.post(JSON.stringify({ message_id: `b-${id}`, from: 'a', to: 'b', ts: 1, text: '' }));

test(
  'above the high-water mark 503 with Retry-After, below it 200 again, and every 200 is a row',
  { timeout: 300_000 },
  async () => {
    const system = await System.start({ QUEUE_HIGH_WATER: String(HIGH_WATER) });
    try {
      await system.process('writer').stop();
      let acknowledged = 0;
      for (let id = 0; id < HIGH_WATER; id++) {
        assert.equal((await post(system, id)).status, 200);
        acknowledged++;
      }
      let next = HIGH_WATER;
      const refusal = await eventually('the queue is full', async () => {
        const answer = await post(system, next);
        if (answer.status !== 200) return answer;
        acknowledged++;
        next++;
        return undefined;
      });
      assert.equal(refusal.status, 503);
      assert.match(refusal.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
      assert.equal(refusal.json.type, 'urn:lyftr:problem:queue-unavailable');
      // an unsigned sender is told nothing about the queue
      assert.equal((await system.post('{}', { 'x-signature': '0'.repeat(64) })).status, 401);

      await system.startService('writer');
      await eventually('there is room again', async () => (await post(system, next)).status === 200);
      acknowledged++;
      await system.stored(acknowledged);
      assert.deepEqual(system.rows('SELECT count(*) FROM messages'), [[acknowledged]]);
    } finally {
      await system.stop();
    }
  },
);
