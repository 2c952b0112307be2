/** No body, whatever its bytes and headers are, makes a mapping throw or come to nothing. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { exampleEvents, exampleProviders, readExample } from '../examples.js';
import { PRESETS, SCHEME_NAMES, type Mapping } from '../source.js';
import { Expressions } from './jsonata.js';
import { mapDelivery } from './mapping.js';
import { deliveryOf, FORM } from './testing.js';

const expressions = new Expressions(20_000);
after(() => expressions.close());

/** Names and values that presets look for, so that many are found. */
const NAMES = [
  ...'entry changes field value metadata messages statuses contacts id from to type text body timestamp status'.split(
    ' ',
  ),
  ...'data object customer created account sender login repository full_name action payload issue title'.split(
    ' ',
  ),
  ...'event event_id event_time user channel team_id trigger_id actions view message_id ts errors'.split(' '),
  ...'MessageSid CallSid From To Body MessageStatus CallStatus name email admin_graphql_api_id __proto__'.split(
    ' ',
  ),
];
const scalar = fc.oneof(
  fc.constantFrom(
    'messages',
    'text',
    'image',
    'read',
    '1767225600',
    '2026-01-01T00:00:00Z',
    '',
    '\0',
    '\uD800',
  ),
  fc.string(),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.bigInt().map((large) => ({ toJSON: () => Number(large) })),
);
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'large', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...NAMES), tie('value'), { maxKeys: 6 }),
  ),
})).value;

const examples = exampleProviders().flatMap((provider) =>
  exampleEvents(provider).map((event) => readExample(provider, event)),
);
/** An example in which some bytes are others. */
const damaged = fc
  .tuple(fc.constantFrom(...examples), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
  .map(([{ body }, changes]) => {
    const bytes = Buffer.from(body);
    for (const [place, byte] of changes) bytes[place % bytes.length] = byte;
    return bytes;
  });

const body = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  json.map((value) => Buffer.from(JSON.stringify(value) ?? '')),
  fc
    .array(
      fc.tuple(
        fc.constantFrom(...NAMES),
        fc.oneof(
          fc.string(),
          json.map((value) => JSON.stringify(value)),
        ),
      ),
    )
    .map((fields) =>
      Buffer.from(
        fields.map(([name, value]) => `${name}=${encodeURIComponent(value.toWellFormed())}`).join('&'),
      ),
    ),
  fc.string().map((text) => Buffer.from(`payload=%${text}&&=&%zz`)),
  damaged,
);

const delivery = fc
  .record({
    body,
    scheme: fc.constantFrom(...SCHEME_NAMES),
    contentType: fc.constantFrom('application/json', FORM, `${FORM}; charset=utf-8`, '', 'text/plain'),
    id: fc.oneof(fc.string({ maxLength: 300 }), fc.constant('d1')),
    signedAtMs: fc.option(fc.nat(), { nil: undefined }),
    headers: fc.dictionary(
      fc.constantFrom('x-github-event', 'x-shopify-topic', 'x-shopify-shop-domain'),
      fc.oneof(fc.string(), fc.array(fc.string())),
    ),
  })
  .map(({ body: bytes, ...rest }) => deliveryOf(bytes, rest));

const JSONATA: Mapping = {
  jsonata: "{ 'id': body.id, 'from': body.from, 'to': source, 'text': body.text, 'extra': body }",
};
const mapping = fc.constantFrom<Mapping | undefined>(undefined, ...PRESETS, JSONATA);

const chars = (text: string): number => Array.from(text).length;

test('a delivery makes one outcome at least, within the limits, and the same ones again', async () => {
  let messagesSeen = 0;
  await fc.assert(
    fc.asyncProperty(delivery, mapping, async (one, how) => {
      const mapped = await mapDelivery(one, how, expressions);
      assert.ok(mapped.messages.length + mapped.leftovers.length > 0);
      for (const { message_id, from, to, ts, text, extra } of mapped.messages) {
        messagesSeen++;
        assert.ok(
          message_id.startsWith('shop:') && chars(message_id) <= 255 && message_id.length > 'shop:'.length,
        );
        for (const address of [from, to])
          assert.ok(
            address !== '' && chars(address) <= 255 && !address.includes('\0') && address.isWellFormed(),
          );
        assert.ok(Number.isSafeInteger(ts) && ts >= 0);
        assert.ok(chars(text) <= 65_536 && text.isWellFormed());
        if (extra !== undefined)
          assert.ok(extra.isWellFormed() && extra.startsWith('{') && JSON.parse(extra));
      }
      for (const pointer of mapped.leftovers) assert.match(pointer, /^(?:\/|$)/);
      assert.deepEqual(await mapDelivery(one, how, expressions), mapped);
    }),
    { numRuns: 1_000 },
  );
  assert.ok(messagesSeen > 100, 'the deliveries are no mere noise');
});

test('bodies that nest without end, and forms without end', async () => {
  const deep = (size: number) => Buffer.from(`{"a":${'['.repeat(size)}${']'.repeat(size)}}`);
  const bodies = [
    deep(200_000),
    Buffer.from('a&'.repeat(500_000)),
    Buffer.from('1'.repeat(1_000_000)),
    Buffer.from('"'.repeat(1_000_001)),
  ];
  for (const bytes of bodies)
    for (const preset of [undefined, ...PRESETS])
      for (const contentType of ['application/json', FORM]) {
        const { messages, leftovers } = await mapDelivery(
          deliveryOf(bytes, { contentType }),
          preset,
          expressions,
        );
        assert.equal(messages.length + leftovers.length, 1);
      }
});
