/** How the writer makes messages of deliveries, and what it does with those that it cannot map. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { MappedDelivery, QueueBatch, SourceDelivery } from '@lyftr/shared/batch';
import { createLogger } from '@lyftr/shared/runtime/log';
import { openSource } from '@lyftr/sources/open';
import type { Sources } from '@lyftr/sources/current';
import type { Mapping } from '@lyftr/sources/source';
import { createMapper } from './mapping.js';

const mappings = new Map<string, Mapping>([
  ['plain', 'raw'],
  ['mapped', { jsonata: "{ 'id': body.id, 'from': 'a', 'to': 'b' }" }],
  ['endless', { jsonata: '($f := function($n) { $f($n + 1) }; $f(0))' }],
]);
const sources: Sources = {
  byName: new Map(
    Array.from(mappings, ([name, mapping]) => [
      name,
      openSource({
        name,
        scheme: 'token',
        token: { header: 'X-Token' },
        keys: [{ id: 'main', secret: 'a secret' }],
        mapping,
      }),
    ]),
  ),
  retireAfterHours: 72,
  loadedAt: 0,
};
const mapper = createMapper(() => sources, createLogger('test', 'silent'));
after(() => mapper.close());

const delivery = (source: string, body: string): SourceDelivery => ({
  source,
  scheme: 'token',
  key: 'main',
  id: 'an-id',
  verifiedAt: 1_780_000_000_000,
  contentType: 'application/json',
  headers: {},
  body,
});

async function mapAll(...deliveries: SourceDelivery[]): Promise<MappedDelivery[]> {
  const [batch] = await mapper.map([
    { numbers: { producer: 'p', range: [1, deliveries.length] }, at: 1, items: deliveries },
  ]);
  assert.ok(batch !== undefined && !('corrupt' in batch));
  return batch.items as MappedDelivery[];
}

test('messages stay as they are, and a delivery becomes its messages, in the order in which they came', async () => {
  const batches: QueueBatch[] = [
    {
      numbers: { producer: 'p', range: [1, 3] },
      at: 1,
      items: [
        ['1', 'a', 'b', 1, ''],
        delivery('mapped', '{"id": 12345678901234567890}'),
        ['2', 'a', 'b', 1, ''],
      ],
    },
    { numbers: { producer: 'p', range: [4, 4] }, corrupt: 'x', reason: 'y' },
  ];
  const [first, second] = await mapper.map(batches);
  assert.deepEqual(second, batches[1]);
  assert.ok(first !== undefined && !('corrupt' in first));
  const [one, mapped, two] = first.items;
  assert.deepEqual(
    [one, two],
    [
      ['1', 'a', 'b', 1, ''],
      ['2', 'a', 'b', 1, ''],
    ],
  );
  assert.deepEqual((mapped as MappedDelivery).messages, [
    { tuple: ['mapped:12345678901234567890', 'a', 'b', 1_780_000_000, ''], tsIsOfDelivery: true },
  ]);
});

test('bytes that are not UTF-8 come as base64, and are mapped as the bytes that they were', async () => {
  const bytes = Buffer.from([0x68, 0xff, 0x69]);
  const [mapped] = await mapAll({ ...delivery('plain', bytes.toString('base64')), encoding: 'base64' });
  assert.equal(mapped?.messages[0]?.tuple[4], 'h\uFFFDi');
});

test('a source that the file does not have any more is no reason to lose a delivery', async () => {
  const [mapped] = await mapAll(delivery('gone', '{}'));
  assert.deepEqual([mapped?.messages, mapped?.leftovers], [[], ['']]);
  assert.match(mapped?.fault ?? '', /no source of this name/);
});

test('an expression that does not end is ended, and after ten of them the source waits a minute; others do not', async () => {
  const endless = Array.from({ length: 12 }, () => delivery('endless', '{}'));
  const mapped = await mapAll(...endless, delivery('mapped', '{"id": "x"}'));
  const faults = mapped.map(({ fault = '' }) => fault);
  assert.equal(faults.filter((fault) => /did not end within 100 ms/.test(fault)).length, 10);
  assert.match(faults[11] ?? '', /ended 10 times within a minute/);
  assert.equal(mapped[12]?.messages[0]?.tuple[0], 'mapped:x');
});
