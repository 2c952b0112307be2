/** The writing tests of the contract. Each part gets its own database and rejects when it finds a fault. */
import assert from 'node:assert/strict';
import type { Numbers } from '@lyftr/shared/batch';
import {
  ALL,
  ALL_LETTERS,
  batch,
  FIRST_PAGE,
  indexAll,
  NONE,
  tuple,
  withStores,
  type Subject,
} from './subject.js';

export const WRITE_PARTS = {
  'the first delivery of an id wins, and every delivery has one outcome': (subject: Subject) =>
    withStores(subject, async (writer, reader) => {
      const first = batch(1, [tuple('1', { text: 'first' }), tuple('2'), tuple('1', { text: 'first' })]);
      const { outcomes, aside, settled } = await writer.commit([first]);
      assert.deepEqual(outcomes, { ...NONE, created: 2, duplicate: 1 });
      assert.deepEqual(aside, []);
      assert.deepEqual(settled, [first.numbers]);
      const { outcomes: second } = await writer.commit([batch(4, [tuple('3'), tuple('2')])]);
      assert.deepEqual(second, { ...NONE, created: 1, duplicate: 1 });
      assert.deepEqual(await writer.outcomes(), { ...NONE, created: 3, duplicate: 2 });
      assert.equal((await reader.message('1'))?.text, 'first');
      assert.equal((await reader.search(ALL, FIRST_PAGE)).total, 3);
    }),

  'what cannot be stored is put aside, and costs no other message': (subject: Subject) =>
    withStores(subject, async (writer, reader) => {
      await writer.commit([batch(1, [tuple('1')])]);
      const damaged = { numbers: { producer: 'p', range: [5, 7] }, corrupt: '{"v":', reason: 'cut off' };
      const unstorable = tuple('4', { text: null as unknown as string });
      const { outcomes, aside } = await writer.commit([
        { ...batch(2, [tuple('2'), tuple('1', { text: 'other' }), unstorable]), trace: [['req', 1, 1]] },
        damaged as { numbers: Numbers; corrupt: string; reason: string },
      ]);
      assert.deepEqual(outcomes, {
        created: 1,
        duplicate: 1,
        dead_letter: 4,
        conflicting_duplicate: 1,
        fanout: 0,
      });
      assert.deepEqual(aside, [
        { kind: 'conflicting_duplicate', requestId: 'req' },
        { kind: 'unstorable_message', requestId: undefined },
        { kind: 'corrupt_envelope', requestId: undefined },
      ]);
      const { total, letters } = await reader.deadLetters(ALL_LETTERS, 2, 0);
      assert.equal(total, 3);
      assert.deepEqual(
        letters.map(({ kind, message_id, raw }) => [kind, message_id, raw]),
        [
          ['corrupt_envelope', null, '{"v":'],
          ['unstorable_message', '4', JSON.stringify(unstorable)],
        ],
      );
      const [oldest] = (await reader.deadLetters(ALL_LETTERS, 2, 2)).letters;
      assert.deepEqual([oldest?.message_id, oldest?.received_at], ['1', 5_000]);
      assert.deepEqual(await reader.deadLetter(oldest?.id as number), oldest);
      assert.deepEqual((await reader.stored([])).deadLetters, {
        corrupt_envelope: 1,
        unstorable_message: 1,
        conflicting_duplicate: 1,
        unmapped_delivery: 0,
      });
      assert.equal(await writer.discard(oldest?.id as number), true);
      assert.equal(await writer.discard(oldest?.id as number), false);
      assert.equal(await reader.deadLetter(oldest?.id as number), undefined);
    }),

  'messages that come again are counted once, by their numbers': (subject: Subject) =>
    withStores(subject, async (writer, reader) => {
      const whole = batch(11, [tuple('1'), tuple('2'), tuple('3')]);
      await writer.commit([batch(12, [tuple('2')])]);
      assert.deepEqual((await writer.commit([whole, whole])).outcomes, { ...NONE, created: 2 });
      assert.deepEqual((await writer.commit([whole])).outcomes, NONE);
      const damaged = {
        numbers: { producer: 'q', range: [1, 3] as [number, number] },
        corrupt: 'x',
        reason: 'y',
      };
      assert.equal((await writer.commit([damaged])).outcomes.dead_letter, 3);
      assert.equal((await writer.commit([damaged])).outcomes.dead_letter, 0);
      const old = { numbers: undefined, at: 1, items: [tuple('1')] };
      assert.deepEqual((await writer.commit([old])).settled, []);
      const { account } = await reader.stored(['p']);
      assert.deepEqual(Object.fromEntries(account.committed), { p: [[11, 13]] });
      assert.deepEqual(account.outcomes, { created: 3, duplicate: 1, dead_letter: 3 });
      assert.equal(account.carried, 1);
      assert.deepEqual(await writer.account(['p']), account);
    }),

  'what is written off stays so until it comes after all': (subject: Subject) =>
    withStores(subject, async (writer, reader) => {
      await writer.commit([batch(1, [tuple('1')])]);
      const refusal = new Error('not now');
      await assert.rejects(
        writer.writeOff(['p'], () => {
          throw refusal;
        }),
        (error: Error) => error === refusal || error.cause === refusal,
      );
      assert.equal((await reader.stored(['p'])).account.writtenOff, 0);
      await writer.writeOff(['p'], ({ committed }) => {
        assert.deepEqual(committed.get('p'), [[1, 1]]);
        return { lost: [{ producer: 'p', ranges: [[2, 5]] }], unnamed: 2 };
      });
      const { account } = await reader.stored(['p']);
      assert.equal(account.writtenOff, 6);
      assert.deepEqual(account.writtenOffRanges.get('p'), [[2, 5]]);
      await writer.commit([batch(3, [tuple('3'), tuple('4')])]);
      const after = (await reader.stored(['p'])).account;
      assert.equal(after.writtenOff, 4);
      assert.deepEqual(after.writtenOffRanges.get('p'), [
        [2, 2],
        [5, 5],
      ]);
    }),

  'a writer that was replaced changes nothing any more': async (subject: Subject) => {
    const replaced = await subject.openWriter('writer-1');
    await replaced.commit([batch(1, [tuple('1', { ts: 10 }), tuple('1', { text: 'other' })])]);
    const writer = await subject.openWriter('writer-2');
    const reader = subject.openReader();
    try {
      const [letter] = (await reader.deadLetters(ALL_LETTERS, 1, 0)).letters;
      const attempts: (() => Promise<unknown>)[] = [
        () => replaced.commit([batch(3, [tuple('2')])]),
        () => replaced.prune(1_000, 10),
        () => replaced.notePrune(1),
        () => replaced.indexStep(10),
        () => replaced.discard(letter?.id as number),
        () => replaced.writeOff(['p'], () => ({ lost: [], unnamed: 1 })),
      ];
      for (const attempt of attempts)
        await assert.rejects(attempt, { name: 'FencedError' }, attempt.toString());
      assert.equal((await reader.search(ALL, FIRST_PAGE)).total, 1);
      assert.equal((await reader.deadLetters(ALL_LETTERS, 1, 0)).total, 1);
      assert.equal((await reader.stored(['p'])).account.writtenOff, 0);
      assert.equal((await writer.commit([batch(3, [tuple('2')])])).outcomes.created, 1);
    } finally {
      await reader.close();
      await replaced.close();
      await writer.close();
    }
  },

  'retention removes the oldest first, and every figure follows': (subject: Subject) =>
    withStores(subject, async (writer, reader) => {
      const messages = Array.from({ length: 10 }, (_, i) =>
        tuple(`${i}`, { ts: 100 - i, text: `needle ${i}` }),
      );
      await writer.commit([batch(1, messages)]);
      await indexAll(writer);
      assert.equal(await writer.prune(96, 3), 3);
      assert.deepEqual(
        (await reader.search({ ...ALL, text: 'needle' }, FIRST_PAGE)).messages.map(({ ts }) => ts),
        [94, 95, 96, 97, 98, 99, 100],
      );
      assert.equal(await writer.prune(96, 3), 2);
      assert.equal(await writer.prune(96, 3), 0);
      const { total, messages: left } = await reader.search({ ...ALL, text: 'needle' }, FIRST_PAGE);
      assert.deepEqual([total, left.map(({ ts }) => ts)], [5, [96, 97, 98, 99, 100]]);
      const stats = await reader.stats({ top: 5, since: undefined, until: undefined });
      assert.deepEqual(stats, {
        messages: 5,
        sendersCount: 1,
        senders: [{ from: 'a', count: 5 }],
        first: 96,
        last: 100,
      });
      assert.deepEqual(await reader.timeline({ bucket: 'minute', filter: ALL }), [{ start: 60, count: 5 }]);
      // the id of a removed message can be used again
      assert.equal((await writer.commit([batch(11, [tuple('9')])])).outcomes.created, 1);
      assert.equal(await writer.lastPrune(), undefined);
      await writer.notePrune(77);
      assert.equal(await writer.lastPrune(), 77);
    }),

  'what waits for the index is told, and is found all the same': (subject: Subject) =>
    withStores(subject, async (writer, reader) => {
      const found = async () => (await reader.search({ ...ALL, text: 'ELLO' }, FIRST_PAGE)).total;
      const messages = Array.from({ length: 25 }, (_, i) => tuple(`${i}`));
      await writer.commit([batch(1, messages)]);
      const lag = await writer.indexLag();
      assert.equal((await reader.stored([])).indexLagMessages, lag);
      assert.equal(await found(), 25);
      let stepped = 0;
      for (let step = await writer.indexStep(10); step > 0; step = await writer.indexStep(10)) {
        assert.ok(step <= 10);
        stepped += step;
        assert.equal(await found(), 25);
      }
      assert.equal(stepped, lag);
      assert.equal(await writer.indexLag(), 0);
      assert.equal((await reader.stored([])).indexLagMessages, 0);
    }),
};
