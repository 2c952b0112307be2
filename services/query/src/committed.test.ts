import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { jobName, QUEUE_NAME, QUEUE_PREFIX } from '@lyftr/shared/job';
import { ACCEPTED_KEY, ACKNOWLEDGED_KEY } from '@lyftr/shared/metrics';
import { countBatches, findMissing, type Range } from '@lyftr/shared/missing';
import { failFastRedis } from '@lyftr/shared/redis';
import { connected, createDatabase, startRedis, startService, temporaryDirectory } from './testing.js';

const directory = temporaryDirectory();
const server = await startRedis(directory.path);
const redis = failFastRedis(server.url, 1_000);
before(() => connected(redis));
after(async () => {
  redis.disconnect();
  await server.stop();
  directory.remove();
});

async function addJob(id: string, list: string, producer: string, seq: number): Promise<void> {
  const key = (name: string): string => `${QUEUE_PREFIX}:${QUEUE_NAME}:${name}`;
  await redis.hset(key(id), 'name', jobName(producer, seq));
  await redis.lpush(key(list), id);
}

test('what was acknowledged is missing when it is neither committed nor in the queue', async () => {
  await redis.flushall();
  await redis.hset(ACKNOWLEDGED_KEY, 'p', '[[1,5],[7,9]]', 'q', '[[1,3]]');
  await addJob('1', 'wait', 'p', 9);
  await addJob('2', 'active', 'p', 8);
  const committed = new Map<string, Range[]>([
    [
      'p',
      [
        [1, 2],
        [4, 5],
      ],
    ],
    ['q', [[1, 9]]],
  ]);
  const missing = await findMissing(redis, () => committed);
  assert.deepEqual(
    missing,
    new Map([
      [
        'p',
        [
          [3, 3],
          [7, 7],
        ],
      ],
    ]),
  );
  assert.equal(countBatches(missing ?? new Map()), 2);
});

test('a batch that is committed while the queue is read is not taken for lost', async () => {
  await redis.flushall();
  await redis.hset(ACKNOWLEDGED_KEY, 'p', '[[1,1]]');
  // it left the queue before that was read, so the commit is there when the database is
  assert.deepEqual(await findMissing(redis, () => new Map([['p', [[1, 1]]]])), new Map());
});

test('GET /ledger balances and names what is missing; without Redis it says so', async () => {
  await redis.flushall();
  const writer = createDatabase(directory.path);
  writer.settle('p', 'created', 5);
  writer.settle('p', 'duplicate', 2);
  await redis.hset(ACCEPTED_KEY, 'p', '10');
  await redis.hset(ACKNOWLEDGED_KEY, 'p', '[[1,2]]');
  const service = await startService(directory.path, { redis });
  const alone = await startService(directory.path);
  try {
    const answer = await fetch(`${service.url}/ledger`);
    assert.deepEqual(await answer.json(), {
      accepted: 10,
      waiting: 3,
      created: 5,
      duplicate: 2,
      dead_letter: 0,
      written_off: 0,
      conflicting_duplicate: 0,
      missing: { batches: 2, producers: [{ producer: 'p', ranges: [[1, 2]] }], finished_messages: 0 },
    });
    assert.equal((await fetch(`${alone.url}/ledger`)).status, 503);
  } finally {
    await service.close();
    await alone.close();
    writer.close();
  }
});

test('GET /dead-letters lists them newest first, and one by its number', async () => {
  const place = temporaryDirectory();
  const writer = createDatabase(place.path);
  const insert = writer.database.prepare(
    "INSERT INTO dead_letters (kind, reason, raw, message_id, received_at) VALUES ('unstorable_message', 'why', '[]', ?, 0)",
  );
  for (const id of ['a', 'b', 'c']) insert.run(id);
  const service = await startService(place.path);
  const get = async (path: string) =>
    (await fetch(`${service.url}${path}`)).json() as Promise<Record<string, unknown>>;
  try {
    const page = await get('/dead-letters?limit=2');
    assert.deepEqual(
      (page['data'] as { message_id: string }[]).map(({ message_id }) => message_id),
      ['c', 'b'],
    );
    assert.deepEqual([page['total'], page['has_more']], [3, true]);
    assert.deepEqual(await get('/dead-letters/1'), {
      id: 1,
      kind: 'unstorable_message',
      reason: 'why',
      message_id: 'a',
      received_at: '1970-01-01T00:00:00.000Z',
      raw: '[]',
    });
    assert.equal((await get('/dead-letters/9'))['status'], 404);
    assert.equal((await get('/dead-letters?limit=0'))['status'], 422);
  } finally {
    await service.close();
    writer.close();
    place.remove();
  }
});
