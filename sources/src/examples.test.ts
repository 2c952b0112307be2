import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { exampleEvents, exampleProviders, readExample } from './examples.js';
import { Expressions } from './mapping/jsonata.js';
import { mapDelivery } from './mapping/mapping.js';
import { deliveryOf, VERIFIED_AT } from './mapping/testing.js';
import type { Preset } from './source.js';

const expressions = new Expressions();
after(() => expressions.close());

/** [id, from, to, ts, text] without the source; a time of the delivery is left out. */
const EXPECTED: Record<string, [Preset, ...[string, string, string, number | undefined, string][]]> = {
  'whatsapp/text': [
    'whatsapp',
    ['wamid.EXAMPLETEXT0001', '15550100301', '15550100200', 1767225600, 'Is the blue one in stock?'],
  ],
  'whatsapp/status': [
    'whatsapp',
    [
      'wamid.EXAMPLESENT0001:failed',
      '15550100200',
      '15550100301',
      1767225660,
      'failed: Message undeliverable',
    ],
  ],
  'whatsapp/many': [
    'whatsapp',
    ['wamid.EXAMPLEMANY0001', '15550100301', '15550100200', 1767225600, 'Here is the receipt.'],
    ['wamid.EXAMPLEMANY0002', '15550100301', '15550100200', 1767225601, 'Receipt of Monday'],
    ['wamid.EXAMPLEMANY0003', '15550100301', '15550100200', 1767225602, 'Example Shop, 1 Sample Street'],
    ['wamid.EXAMPLESENT0002:read', '15550100200', '15550100301', 1767225603, 'read'],
  ],
  'github/issues': [
    'github',
    ['d1', 'ada-example', 'example-org/widgets', undefined, 'issues.opened: The button is too small'],
  ],
  'github/push': [
    'github',
    ['d1', 'ada-example', 'example-org/widgets', undefined, 'push: Enlarge the button'],
  ],
  'github/ping': [
    'github',
    ['d1', 'ada-example', 'example-org', undefined, 'ping: Keep it logically awesome.'],
  ],
  'stripe/payment_intent.succeeded': [
    'stripe',
    [
      'evt_Example0001',
      'cus_Example0001',
      'pi_Example0001',
      1767225600,
      'payment_intent.succeeded: Order 1001',
    ],
  ],
  'stripe/customer.created': [
    'stripe',
    ['evt_Example0002', 'acct_Example0001', 'cus_Example0002', 1767225600, 'customer.created'],
  ],
  'shopify/orders-create': [
    'shopify',
    [
      'd1',
      'example.myshopify.com',
      'gid://shopify/Order/5678901234567',
      1767225605,
      'orders/create: #1001, ada@example.com',
    ],
  ],
  'shopify/products-update': [
    'shopify',
    [
      'd1',
      'example.myshopify.com',
      'gid://shopify/Product/7890123456789',
      1767229200,
      'products/update: Widget',
    ],
  ],
  'slack/message': ['slack', ['Ev0EXAMPLE01', 'U0EXAMPLE', 'C0EXAMPLE', 1767225600, 'The deploy is done.']],
  'slack/command': [
    'slack',
    [
      '1000000000001.2000000001.00000000000000000000000000000001',
      'U0EXAMPLE',
      'C0EXAMPLE',
      undefined,
      '/deploy staging now',
    ],
  ],
  'slack/block_actions': [
    'slack',
    [
      '1000000000002.2000000001.00000000000000000000000000000002',
      'U0EXAMPLE',
      'C0EXAMPLE',
      undefined,
      'approve release-42',
    ],
  ],
  'twilio/message': [
    'twilio',
    [
      `SM${'1'.padStart(32, '0')}`,
      '+15550100301',
      '+15550100200',
      undefined,
      'Yes, please deliver on Monday.',
    ],
  ],
  'twilio/message-status': [
    'twilio',
    [
      `SM${'2'.padStart(32, '0')}:undelivered`,
      '+15550100200',
      '+15550100301',
      undefined,
      'undelivered 30003',
    ],
  ],
  'twilio/call': [
    'twilio',
    [`CA${'1'.padStart(32, '0')}:ringing`, '+15550100301', '+15550100200', undefined, 'ringing'],
  ],
};

for (const provider of exampleProviders())
  for (const event of exampleEvents(provider))
    test(`${provider} ${event}`, async () => {
      const { contentType, headers, body } = readExample(provider, event);
      const raw: (typeof EXPECTED)[string] = ['raw', ['d1', 'shop', 'generic', undefined, body.toString()]];
      const [preset, ...rows] = EXPECTED[`${provider}/${event}`] ?? raw;
      const delivery = deliveryOf(body, { id: 'd1', contentType, headers });
      const mapped = await mapDelivery(delivery, preset, expressions);
      assert.deepEqual(mapped, {
        messages: rows.map(([id, from, to, ts, text]) => ({
          message_id: `shop:${id}`,
          from,
          to,
          ts: ts ?? VERIFIED_AT,
          text,
          tsIsOfDelivery: ts === undefined,
        })),
        leftovers: [],
      });
      const again = await mapDelivery(
        { ...delivery, verifiedAtMs: delivery.verifiedAtMs + 60_000 },
        preset,
        expressions,
      );
      assert.deepEqual(
        again.messages.map(({ message_id }) => message_id),
        mapped.messages.map(({ message_id }) => message_id),
        'a redelivery has the same ids',
      );
    });

test('every provider with a preset has two examples at least, and none is expected that is not there', () => {
  for (const provider of ['whatsapp', 'github', 'stripe', 'shopify', 'slack', 'twilio'])
    assert.ok(exampleEvents(provider).length >= 2, provider);
  for (const name of Object.keys(EXPECTED)) {
    const [provider, event] = name.split('/') as [string, string];
    assert.ok(exampleEvents(provider).includes(event), name);
  }
});

test('an example that does not exist is an error', () => {
  assert.throws(() => readExample('github', 'nothing'), { code: 'ENOENT' });
});
