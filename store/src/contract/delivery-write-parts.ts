/** The writing tests of the contract for deliveries of sources. Each part gets its own database and rejects when it finds a fault. */
import assert from 'node:assert/strict';
import type { MappedDelivery, SourceDelivery, StoreItem } from '@lyftr/shared/batch';
import { LISTED_RAW_CHARS_MAX, type LetterFilter } from '../store.js';
import { ALL, ALL_LETTERS, batch, mapped, NONE, sent, tuple, withStores, type Subject } from './subject.js';

export const DELIVERY_WRITE_PARTS = {
  'a delivery is stored with its messages, once, and counts as many outcomes as it has': (subject: Subject) =>
    withStores(subject, async (writer, reader) => {
      const first = mapped(sent('shop', { id: 'd-1' }), tuple('1'), tuple('2'), tuple('3'));
      const done = await writer.commit([batch(1, [tuple('0'), first, tuple('4')])]);
      assert.deepEqual(done.outcomes, { ...NONE, created: 5, fanout: 2 });
      assert.deepEqual(done.aside, []);
      assert.deepEqual((await writer.commit([batch(1, [tuple('0'), first, tuple('4')])])).outcomes, NONE);
      // its sender sends it again, under another number: nothing is new, so it is not kept again
      const again = mapped(sent('shop', { id: 'd-1', verifiedAt: 9 }), tuple('1'), tuple('2'), tuple('3'));
      assert.deepEqual((await writer.commit([batch(4, [again])])).outcomes, {
        ...NONE,
        duplicate: 3,
        fanout: 2,
      });
      assert.equal((await reader.delivery('2'))?.verified_at, 1_700_000_000_123);
      // one of its messages is new
      const more = mapped(sent('shop', { id: 'd-2' }), tuple('3'), tuple('5'), tuple('5'));
      assert.deepEqual((await writer.commit([batch(5, [more])])).outcomes, {
        ...NONE,
        created: 1,
        duplicate: 2,
        fanout: 2,
      });
      assert.equal((await reader.delivery('3'))?.id, 'd-1');
      assert.equal((await reader.delivery('5'))?.id, 'd-2');
      assert.deepEqual(await writer.outcomes(), { ...NONE, created: 6, duplicate: 5, fanout: 6 });
      const { account } = await reader.stored(['p']);
      assert.deepEqual([account.fanout, account.committed.get('p')], [6, [[1, 5]]]);
      assert.deepEqual(await writer.account(['p']), account);
    }),

  'a message whose time is that of its delivery is compared without it': (subject: Subject) =>
    withStores(subject, async (writer, reader) => {
      const of = (ts: number, tsIsOfDelivery: boolean, text = 'hello'): MappedDelivery => ({
        ...mapped(sent('shop')),
        messages: [{ tuple: tuple('1', { ts, text }), tsIsOfDelivery }],
      });
      await writer.commit([batch(1, [of(10, true)])]);
      const outcomesOf = async (number: number, item: StoreItem) =>
        (await writer.commit([batch(number, [item])])).outcomes;
      assert.deepEqual(await outcomesOf(2, of(20, true)), { ...NONE, duplicate: 1 });
      const conflict = { ...NONE, duplicate: 1, conflicting_duplicate: 1 };
      assert.deepEqual(await outcomesOf(3, of(20, false)), conflict);
      assert.deepEqual(await outcomesOf(4, of(10, true, 'other')), conflict);
      assert.equal((await reader.message('1'))?.ts, 10);
      const { letters } = await reader.deadLetters(ALL_LETTERS, 10, 0);
      assert.deepEqual(
        letters.map(({ kind, message_id, source, delivery }) => [kind, message_id, source, delivery]),
        Array.from({ length: 2 }, () => ['conflicting_duplicate', '1', 'shop', null]),
      );
    }),

  'what a mapping left over is put aside with its body, and what it mapped is stored': (subject: Subject) =>
    withStores(subject, async (writer, reader) => {
      const bytes = Buffer.from([0xff, 0, 0xfe]);
      const body = '{"entry":[{"changes":\t1}]}\n';
      const unstorable = tuple('9', { text: null as unknown as string });
      const items: StoreItem[] = [
        { ...mapped(sent('shop', { body }), tuple('1')), leftovers: ['/entry/0/changes', '/entry/1'] },
        {
          ...mapped(
            sent('sms', {
              scheme: 'twilio',
              key: 'old',
              id: 'd-2',
              signedAt: 5,
              headers: {},
              body: bytes.toString('base64'),
              encoding: 'base64',
              imported: true,
            }),
          ),
          leftovers: [''],
          fault: 'the body is not a form',
        },
        mapped(sent('shop'), unstorable, tuple('2')),
      ];
      const { outcomes, aside } = await writer.commit([{ ...batch(1, items), trace: [['req', 1, 1]] }]);
      assert.deepEqual(outcomes, { ...NONE, created: 2, dead_letter: 3, fanout: 2 });
      assert.deepEqual(aside, [
        { kind: 'unmapped_delivery', requestId: undefined },
        { kind: 'unmapped_delivery', requestId: 'req' },
        { kind: 'unstorable_message', requestId: undefined },
      ]);
      const [third, second, first] = (await reader.deadLetters(ALL_LETTERS, 10, 0)).letters;
      assert.deepEqual(
        [third?.kind, third?.message_id, third?.source, third?.delivery],
        ['unstorable_message', '9', 'shop', null],
      );
      assert.equal(first?.reason, 'the mapping has no rule for 2 parts of the body');
      assert.equal(second?.reason, 'the body is not a form');
      assert.deepEqual([first?.message_id, first?.received_at], [null, 5_000]);
      assert.deepEqual([first?.source, first?.raw], ['shop', body]);
      assert.deepEqual(first?.delivery, {
        scheme: 'generic',
        key: 'main',
        id: 'd-1',
        verified_at: 1_700_000_000_123,
        signed_at: null,
        content_type: 'application/json',
        headers: { 'x-id': 'd-1' },
        imported: false,
        encoding: null,
        pointers: ['/entry/0/changes', '/entry/1'],
      });
      assert.deepEqual([second?.source, second?.raw], ['sms', bytes.toString('base64')]);
      assert.deepEqual(second?.delivery, {
        scheme: 'twilio',
        key: 'old',
        id: 'd-2',
        verified_at: 1_700_000_000_123,
        signed_at: 5,
        content_type: 'application/json',
        headers: {},
        imported: true,
        encoding: 'base64',
        pointers: [''],
      });
      assert.deepEqual(await reader.deadLetter(first?.id ?? 0), first);
      assert.deepEqual((await reader.stored([])).deadLetters, {
        corrupt_envelope: 0,
        unstorable_message: 1,
        conflicting_duplicate: 0,
        unmapped_delivery: 2,
      });
      assert.equal((await reader.delivery('1'))?.body.toString(), body);
      const faults = (await subject.openAdmin().audit(true)).flatMap((line) => line.faults);
      assert.deepEqual(faults, []);
    }),

  'a list has the beginning of a large dead letter, and its number leads to all of it': (subject: Subject) =>
    withStores(subject, async (writer, reader) => {
      const body = 'é'.repeat(LISTED_RAW_CHARS_MAX + 1);
      const large = { ...sent('shop'), body };
      const fits = { ...sent('shop'), body: body.slice(1) };
      const leftOver = (delivery: SourceDelivery): MappedDelivery => ({
        ...mapped(delivery),
        leftovers: [''],
      });
      await writer.commit([batch(1, [leftOver(large), leftOver(fits)])]);
      const { letters } = await reader.deadLetters(ALL_LETTERS, 10, 0);
      assert.deepEqual(
        letters.map(({ raw, isRawCut }) => [raw === body.slice(1), isRawCut]),
        [
          [true, false],
          [true, true],
        ],
      );
      const whole = await reader.deadLetter(letters[1]?.id ?? 0);
      assert.deepEqual([whole?.raw === body, whole?.isRawCut], [true, false]);
    }),

  'dead letters are selected by kind and by source': (subject: Subject) =>
    withStores(subject, async (writer, reader) => {
      const unstorable = tuple('9', { text: null as unknown as string });
      const left = (source: string): MappedDelivery => ({ ...mapped(sent(source)), leftovers: [''] });
      await writer.commit([
        batch(1, [left('shop'), left('sms'), mapped(sent('shop'), unstorable), unstorable]),
      ]);
      const find = async (kind: LetterFilter['kind'], source: string | undefined, limit = 10, offset = 0) => {
        const { total, letters } = await reader.deadLetters({ kind, source }, limit, offset);
        return [total, letters.map((letter) => [letter.kind, letter.source])];
      };
      const [unmapped, other] = ['unmapped_delivery', 'unstorable_message'] as const;
      assert.deepEqual(await find(unmapped, undefined), [
        2,
        [
          [unmapped, 'sms'],
          [unmapped, 'shop'],
        ],
      ]);
      assert.deepEqual(await find(undefined, 'shop'), [
        2,
        [
          [other, 'shop'],
          [unmapped, 'shop'],
        ],
      ]);
      assert.deepEqual(await find(undefined, 'shop', 1, 1), [2, [[unmapped, 'shop']]]);
      assert.deepEqual(await find(other, 'shop'), [1, [[other, 'shop']]]);
      assert.deepEqual(await find(other, 'sms'), [0, []]);
      assert.equal((await find(undefined, undefined))[0], 4);
    }),

  'retention removes a delivery with the last of its messages': (subject: Subject) =>
    withStores(subject, async (writer, reader) => {
      const of = (id: string, ...times: number[]): MappedDelivery =>
        mapped(sent('shop', { id }), ...times.map((ts) => tuple(`${id}-${ts}`, { ts })));
      await writer.commit([batch(1, [of('d-1', 3, 1, 5), of('d-2', 2), of('d-3', 4, 6)])]);
      const isClean = async (): Promise<void> => {
        const faults = (await subject.openAdmin().audit(true)).flatMap((line) => line.faults);
        assert.deepEqual(faults, []);
      };
      const left = async (): Promise<string[]> => {
        const ids: string[] = [];
        for await (const part of reader.deliveries(ALL, 'asc')) ids.push(...part.map(({ id }) => id));
        return ids;
      };
      assert.equal(await writer.prune(100, 3), 3);
      assert.deepEqual(await left(), ['d-3', 'd-1']);
      assert.equal((await reader.delivery('d-1-5'))?.id, 'd-1');
      assert.equal(await reader.delivery('d-1-3'), undefined);
      await isClean();
      assert.equal(await writer.prune(6, 100), 2);
      assert.deepEqual(await left(), ['d-3']);
      await isClean();
      // a message that was removed can come again, with its delivery
      assert.equal((await writer.commit([batch(4, [of('d-2', 2)])])).outcomes.created, 1);
      assert.deepEqual(await left(), ['d-2', 'd-3']);
      // a step that removes large deliveries is short
      const large = Array.from({ length: 3 }, (_, i) =>
        mapped(sent('shop', { body: 'x'.repeat(9_000_000) }), tuple(`large-${i}`, { ts: 10 + i })),
      );
      await writer.commit([batch(5, large)]);
      const steps: number[] = [];
      for (let step = await writer.prune(100, 100); step > 0; step = await writer.prune(100, 100))
        steps.push(step);
      assert.equal(
        steps.reduce((sum, step) => sum + step, 0),
        5,
      );
      assert.ok(Math.max(...steps) <= 3, String(steps));
      assert.deepEqual(await left(), []);
      await isClean();
    }),
};
