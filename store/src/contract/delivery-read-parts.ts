/** The reading tests of the contract for deliveries of sources. Each part gets its own database and rejects when it finds a fault. */
import assert from 'node:assert/strict';
import type { StoreItem } from '@lyftr/shared/batch';
import type { Filter } from '../store.js';
import { ALL, batch, FIRST_PAGE, mapped, sent, tuple, withStores, type Subject } from './subject.js';

export const DELIVERY_READ_PARTS = {
  'the delivery behind a message comes back as it came, byte for byte': (subject: Subject) =>
    withStores(subject, async (writer, reader) => {
      const bytes = Buffer.from([0, 0xff, 0xfe, 0x22, 0x0d, 0x0a]);
      const text = ' {"a":\t1.0,\r\n"b":"\\u0041\0\ud83d\ude00"}\n';
      const plain = sent('shop', { id: 'd-1', body: text, signedAt: 1_700_000_000_000 });
      const binary = sent('sms', {
        scheme: 'twilio',
        key: 'old',
        id: 'd-2',
        contentType: '',
        headers: {},
        body: bytes.toString('base64'),
        encoding: 'base64',
        imported: true,
      });
      await writer.commit([
        batch(1, [mapped(plain, tuple('1'), tuple('2')), tuple('3'), mapped(binary, tuple('4'))]),
      ]);
      const [first, second] = [
        {
          source: 'shop',
          scheme: 'generic',
          key: 'main',
          id: 'd-1',
          verified_at: 1_700_000_000_123,
          signed_at: 1_700_000_000_000,
          content_type: 'application/json',
          headers: { 'x-id': 'd-1' },
          imported: false,
          body: Buffer.from(text),
        },
        {
          source: 'sms',
          scheme: 'twilio',
          key: 'old',
          id: 'd-2',
          verified_at: 1_700_000_000_123,
          signed_at: null,
          content_type: '',
          headers: {},
          imported: true,
          body: bytes,
        },
      ];
      assert.deepEqual(await reader.delivery('1'), first);
      assert.deepEqual(await reader.delivery('2'), first);
      assert.equal(await reader.delivery('3'), undefined);
      assert.deepEqual(await reader.delivery('4'), second);
      assert.equal(await reader.delivery('5'), undefined);
      assert.deepEqual(
        (await reader.search(ALL, FIRST_PAGE)).messages.map(({ source }) => source),
        ['shop', 'shop', null, 'sms'],
      );
    }),

  'deliveries of a filter come once each, whole, in parts': (subject: Subject) =>
    withStores(subject, async (writer, reader) => {
      // two of five items are deliveries, and the messages of a delivery are far apart
      const items = Array.from({ length: 1_500 }, (_, i): StoreItem => {
        const ids = [`${i}-a`, `${i}-b`, `${i}-c`];
        const messages = ids.map((id, n) => tuple(id, { ts: n * 10_000 - (n - 1) * i, text: `${id} of us` }));
        const size = i === 10 || i === 11 ? 3_000_000 : 10;
        const delivery = sent(i % 5 === 0 ? 'shop' : 'sms', { id: `d-${i}`, body: 'x'.repeat(size) });
        return i % 5 < 2 ? mapped(delivery, ...messages) : tuple(`${i}`, { text: 'of us' });
      });
      for (let first = 0; first < items.length; first += 100)
        await writer.commit([batch(first + 1, items.slice(first, first + 100))]);
      const idsOf = (isWanted: (i: number) => boolean): string[] =>
        Array.from(items.keys())
          .filter((i) => i % 5 < 2 && isWanted(i))
          .map((i) => `d-${i}`);
      const wanted: [Filter, string[]][] = [
        [ALL, idsOf(() => true)],
        [{ ...ALL, source: 'shop' }, idsOf((i) => i % 5 === 0)],
        [{ ...ALL, source: 'none' }, []],
        [{ ...ALL, text: '1-B OF' }, idsOf((i) => i % 10 === 1)],
        [{ ...ALL, since: 10_000, until: 10_001 }, idsOf(() => true)],
        [{ ...ALL, since: 20_000 }, idsOf((i) => i === 0)],
      ];
      for (const [filter, ids] of wanted) {
        for (const order of ['asc', 'desc'] as const) {
          const found: string[] = [];
          for await (const part of reader.deliveries(filter, order)) {
            const bytes = part.map(({ body }) => body.length);
            assert.ok(bytes.slice(0, -1).reduce((sum, size) => sum + size, 0) < 2_500_000, String(bytes));
            found.push(...part.map(({ id }) => id));
          }
          assert.equal(new Set(found).size, found.length);
          assert.deepEqual(found.toSorted(), ids.toSorted(), JSON.stringify(filter));
        }
      }
      const first: string[] = [];
      for await (const part of reader.deliveries({ ...ALL, source: 'shop', until: 6 }, 'asc'))
        first.push(...part.map(({ id }) => id));
      assert.deepEqual(first, ['d-0', 'd-5']);
      const abandoned = new AbortController();
      abandoned.abort();
      await assert.rejects(async () => {
        for await (const _ of reader.deliveries(ALL, 'asc', abandoned.signal));
      });
    }),
};
