import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { jobName } from '@lyftr/queue/envelope';
import { QUEUE_NAME, QUEUE_PREFIX } from '@lyftr/queue/options';
import { balance, CONFIRMED_KEY, SETTLED_KEY, type Listed } from '@lyftr/shared/ledger';
import { union, type Range } from '@lyftr/shared/ranges';
import { failFastRedis } from '@lyftr/shared/runtime/redis';
import { createDatabase, temporaryDirectory } from '@lyftr/store/sqlite/testing';
import { connected, startRedis, startService } from '../testing.js';

const directory = temporaryDirectory();
const server = await startRedis(directory.path);
const redis = failFastRedis(server.url, 1_000);
before(() => connected(redis));
after(async () => {
  redis.disconnect();
  await server.stop();
  directory.remove();
});

/** What may become of one message: told its sender, taken by Redis, still queued, committed, left as settled. */
interface Fate {
  confirmed: boolean;
  queued: boolean;
  committed: boolean;
  noted: boolean;
}

const fate = fc.record({
  confirmed: fc.boolean(),
  queued: fc.boolean(),
  committed: fc.boolean(),
  noted: fc.boolean(),
});
const numbersWhere = (fates: readonly Fate[], is: (fate: Fate) => boolean): Range[] =>
  union(fates.flatMap((each, i): Range[] => (is(each) ? [[i + 1, i + 1]] : [])));

test('the difference is the number of messages that were lost, whatever became of the others', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fate, { maxLength: 30 }), { maxLength: 4 }), (lives) => {
      const producers = new Map<string, Listed>();
      const committed = new Map<string, Range[]>();
      const count = (is: (fate: Fate) => boolean) => lives.flat().filter(is).length;
      lives.forEach((fates, i) => {
        const confirmed = numbersWhere(fates, (each) => each.confirmed);
        producers.set(`p${i}`, {
          confirmed: { messages: fates.filter((each) => each.confirmed).length, ranges: confirmed },
          settled: numbersWhere(fates, (each) => each.noted),
          queued: numbersWhere(fates, (each) => each.queued),
          texts: ['', ''],
        });
        committed.set(
          `p${i}`,
          numbersWhere(fates, (each) => each.committed),
        );
      });
      const lost = count((each) => (each.confirmed || each.noted) && !each.queued && !each.committed);
      const ledger = balance(
        { producers, ended: { accepted: 0, unconfirmed: 0, sources: {} }, isQueueKnown: true },
        {
          outcomes: { created: count((each) => each.committed), duplicate: 0, dead_letter: 0 },
          conflictingDuplicates: 0,
          fanout: 0,
          writtenOff: 0,
          carried: 0,
          committed,
          writtenOffRanges: new Map(),
        },
      );
      assert.equal(ledger.difference, lost);
      assert.equal(ledger.missing?.messages, lost);
      assert.equal(
        ledger.accepted,
        count((each) => each.confirmed),
      );
      assert.equal(
        ledger.waiting,
        count((each) => each.queued && !each.committed),
      );
    }),
  );
});

async function addJob(id: string, list: string, range: Range): Promise<void> {
  const key = (name: string): string => `${QUEUE_PREFIX}:${QUEUE_NAME}:${name}`;
  await redis.hset(key(id), 'name', jobName('p', range));
  await redis.lpush(key(list), id);
}

test('GET /ledger balances and names what is missing; without Redis it says so', async () => {
  const writer = createDatabase(directory.path);
  writer.settle('p', 'created', 5);
  writer.settle('p', 'duplicate', 2);
  await redis.hset(CONFIRMED_KEY, 'p', '{"messages":12,"ranges":[[3,14]]}');
  await redis.hset(SETTLED_KEY, 'p', '[[1,7]]');
  await addJob('1', 'wait', [8, 9]);
  await addJob('2', 'active', [14, 14]);
  const service = await startService(directory.path, { redis });
  const alone = await startService(directory.path);
  try {
    const answer = await fetch(`${service.url}/ledger`);
    assert.deepEqual(await answer.json(), {
      accepted: 12,
      accepted_by_source: {},
      unconfirmed: 2,
      fanout: 0,
      created: 5,
      duplicate: 2,
      dead_letter: 0,
      written_off: 0,
      waiting: 3,
      difference: 4,
      conflicting_duplicate: 0,
      dead_letters: {
        corrupt_envelope: 0,
        unstorable_message: 0,
        conflicting_duplicate: 0,
        unmapped_delivery: 0,
      },
      missing: { messages: 4, producers: [{ producer: 'p', ranges: [[10, 13]] }] },
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
      source: null,
      delivery: null,
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
