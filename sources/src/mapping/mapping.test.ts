import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Mapping } from '../source.js';
import type { Delivery } from './delivery.js';
import { Expressions } from './jsonata.js';
import { mapDelivery } from './mapping.js';
import { deliveryOf, FORM, formOf, VERIFIED_AT } from './testing.js';

const expressions = new Expressions();
after(() => expressions.close());

const map = (delivery: Delivery, mapping?: Mapping) => mapDelivery(delivery, mapping, expressions);

/** The only message of a delivery that leaves nothing over. */
async function one(delivery: Delivery, mapping?: Mapping) {
  const { messages, leftovers } = await map(delivery, mapping);
  assert.deepEqual(leftovers, []);
  assert.equal(messages.length, 1);
  const [message] = messages;
  assert.ok(message !== undefined);
  return message;
}

const ownTs = { ts: VERIFIED_AT, tsIsOfDelivery: true };

test('whatsapp: contacts give the id of a user without a number', async () => {
  const value = (rest: object) => ({
    entry: [
      { changes: [{ field: 'messages', value: { metadata: { display_phone_number: '1555' }, ...rest } }] },
    ],
  });
  const message = { id: 'm1', timestamp: '1767225600', type: 'text', text: { body: 'hi' } };
  const fromOf = async (rest: object) => (await one(deliveryOf(value(rest)), 'whatsapp')).from;
  const contacts = [{ user_id: 'DE.1' }];
  assert.equal(
    await fromOf({ contacts, messages: [{ ...message, from: '49', from_user_id: 'DE.2' }] }),
    '49',
  );
  assert.equal(await fromOf({ contacts, messages: [{ ...message, from_user_id: 'DE.2' }] }), 'DE.2');
  assert.equal(await fromOf({ contacts, messages: [message] }), 'DE.1');
  const several = await map(
    deliveryOf(value({ contacts: [{ user_id: 'A' }, { user_id: 'B' }], messages: [message] })),
    'whatsapp',
  );
  assert.deepEqual(several.leftovers, ['/entry/0/changes/0/value/messages/0'], 'nobody is guessed');
});

test('whatsapp: the text is that of the type', async () => {
  const textOf = async (message: object) => {
    const messages = [{ id: 'm1', from: '49', timestamp: '1', ...message }];
    const value = { metadata: { display_phone_number: '1555' }, messages };
    return (await one(deliveryOf({ entry: [{ changes: [{ field: 'messages', value }] }] }), 'whatsapp')).text;
  };
  const cases: [object, string][] = [
    [{ type: 'text', text: { body: 'hello' } }, 'hello'],
    [{ type: 'button', button: { text: 'Yes', payload: 'y' } }, 'Yes'],
    [{ type: 'interactive', interactive: { button_reply: { id: '1', title: 'Stop' } } }, 'Stop'],
    [{ type: 'interactive', interactive: { list_reply: { id: '1', title: 'Blue' } } }, 'Blue'],
    [{ type: 'interactive', interactive: { nfm_reply: { body: 'Sent' } } }, 'Sent'],
    [{ type: 'image', image: { id: '1', caption: 'A cat' } }, 'A cat'],
    [{ type: 'document', document: { id: '1', filename: 'cat.pdf' } }, 'cat.pdf'],
    [{ type: 'audio', audio: { id: '1' } }, ''],
    [{ type: 'sticker', sticker: { id: '1' } }, ''],
    [{ type: 'reaction', reaction: { message_id: 'm0', emoji: '👍' } }, '👍'],
    [{ type: 'reaction', reaction: { message_id: 'm0' } }, ''],
    [{ type: 'location', location: { latitude: 1.5, longitude: -2, name: 'Shop' } }, 'Shop'],
    [{ type: 'location', location: { latitude: 1.5, longitude: -2 } }, '1.5, -2'],
    [
      { type: 'contacts', contacts: [{ name: { formatted_name: 'A' } }, { name: { formatted_name: 'B' } }] },
      'A, B',
    ],
    [{ type: 'order', order: { text: 'Two, please' } }, 'Two, please'],
    [{ type: 'system', system: { body: 'Changed number' } }, 'Changed number'],
    [
      { type: 'unsupported', errors: [{ code: 131051, title: 'Message type unknown' }] },
      'Message type unknown',
    ],
  ];
  for (const [message, text] of cases) assert.equal(await textOf(message), text);
});

test('whatsapp: what has no rule is listed, and the rest is kept', async () => {
  const good = { id: 'm1', from: '49', timestamp: '1', type: 'text', text: { body: 'hi' } };
  const { messages, leftovers } = await map(
    deliveryOf({
      entry: [
        {
          changes: [
            { field: 'account_update', value: { event: 'VERIFIED_ACCOUNT' } },
            {
              field: 'messages',
              value: {
                metadata: { display_phone_number: '1555' },
                messages: [
                  { id: 'm0', from: '49', type: 'hologram' },
                  good,
                  7,
                  { ...good, id: 'x'.repeat(255) },
                ],
                statuses: [{ status: 'read', recipient_id: '49' }],
                errors: [{ code: 1 }],
                'a/b~c': 1,
              },
            },
          ],
        },
        { id: '1' },
      ],
    }),
    'whatsapp',
  );
  assert.deepEqual(
    messages.map(({ message_id }) => message_id),
    ['shop:m1'],
  );
  assert.deepEqual(leftovers.toSorted(), [
    '/entry/0/changes/0',
    '/entry/0/changes/1/value/a~1b~0c',
    '/entry/0/changes/1/value/errors',
    '/entry/0/changes/1/value/messages/0',
    '/entry/0/changes/1/value/messages/2',
    '/entry/0/changes/1/value/messages/3',
    '/entry/0/changes/1/value/statuses/0',
    '/entry/1',
  ]);
});

test('whatsapp: the status of one member of a group has an id of its own', async () => {
  const status = {
    id: 'm1',
    status: 'read',
    timestamp: '5',
    recipient_id: 'G1',
    recipient_participant_id: '49',
  };
  const value = { metadata: { display_phone_number: '1555' }, statuses: [status] };
  const message = await one(deliveryOf({ entry: [{ changes: [{ field: 'messages', value }] }] }), 'whatsapp');
  assert.deepEqual(message, {
    message_id: 'shop:m1:read:49',
    from: '1555',
    to: 'G1',
    ts: 5,
    text: 'read',
    tsIsOfDelivery: false,
  });
});

test('github: a form, an organization, an account, and the most particular text', async () => {
  const sender = { login: 'ada' };
  const headers = { 'x-github-event': 'issue_comment' };
  const body = {
    action: 'created',
    sender,
    organization: { login: 'org' },
    comment: { body: 'No' },
    issue: { title: 'T' },
  };
  const expected = {
    message_id: 'shop:g1',
    from: 'ada',
    to: 'org',
    text: 'issue_comment.created: No',
    ...ownTs,
  };
  assert.deepEqual(await one(deliveryOf(body, { id: 'g1', headers }), 'github'), expected);
  const form = formOf({ payload: JSON.stringify(body) });
  assert.deepEqual(await one(deliveryOf(form, { id: 'g1', headers, contentType: FORM }), 'github'), expected);
  const installed = { action: 'created', sender, installation: { account: { login: 'acme' } } };
  const message = await one(
    deliveryOf(installed, { headers: { 'x-github-event': 'installation' } }),
    'github',
  );
  assert.deepEqual([message.to, message.text], ['acme', 'installation.created']);
  const approved = {
    action: 'submitted',
    sender,
    repository: { full_name: 'o/r' },
    review: { body: null },
    pull_request: { title: 'Fix' },
  };
  assert.equal((await one(deliveryOf(approved, { headers: {} }), 'github')).text, 'submitted: Fix');
  assert.deepEqual((await map(deliveryOf({ zen: 'x' }), 'github')).leftovers, ['']);
});

test('stripe: a customer that is expanded, an account, or Stripe itself', async () => {
  const event = (object: object, rest: object = {}) =>
    deliveryOf({ id: 'evt_1', type: 'charge.succeeded', created: 5, data: { object }, ...rest });
  const fromTo = async (delivery: Delivery) => {
    const { from, to, text } = await one(delivery, 'stripe');
    return [from, to, text];
  };
  assert.deepEqual(await fromTo(event({ id: 'ch_1', customer: 'cus_1', description: 'Shoes' })), [
    'cus_1',
    'ch_1',
    'charge.succeeded: Shoes',
  ]);
  assert.deepEqual(await fromTo(event({ id: 'ch_1', customer: { id: 'cus_2' } })), [
    'cus_2',
    'ch_1',
    'charge.succeeded',
  ]);
  assert.deepEqual(await fromTo(event({ id: 'ch_1', customer: null }, { account: 'acct_1' })), [
    'acct_1',
    'ch_1',
    'charge.succeeded',
  ]);
  assert.deepEqual(await fromTo(event({ object: 'balance' })), ['stripe', 'balance', 'charge.succeeded']);
  const thin = {
    id: 'evt_2',
    type: 'v1.billing',
    created: '2026-01-01T00:00:00.500Z',
    related_object: { id: 'mtr_1' },
  };
  assert.deepEqual(await one(deliveryOf(thin), 'stripe'), {
    message_id: 'shop:evt_2',
    from: 'stripe',
    to: 'mtr_1',
    ts: 1_767_225_600,
    text: 'v1.billing',
    tsIsOfDelivery: false,
  });
  assert.deepEqual((await map(deliveryOf('{}'), 'stripe')).leftovers, ['']);
});

test('shopify: both families of headers, ids beyond 2^53, and a topic alone', async () => {
  const headers = { 'shopify-topic': 'customers/update', 'shopify-shop-domain': 's.myshopify.com' };
  const body = '{"id":820982911946154508,"email":"a@example.com","created_at":"2026-01-01T01:00:00+01:00"}';
  assert.deepEqual(await one(deliveryOf(body, { id: 'w1', headers }), 'shopify'), {
    message_id: 'shop:w1',
    from: 's.myshopify.com',
    to: '820982911946154508',
    ts: 1_767_225_600,
    text: 'customers/update: a@example.com',
    tsIsOfDelivery: false,
  });
  const x = { 'x-shopify-topic': 'app/uninstalled', 'x-shopify-shop-domain': 's.myshopify.com' };
  assert.deepEqual(await one(deliveryOf('{}', { id: 'w2', headers: x }), 'shopify'), {
    message_id: 'shop:w2',
    from: 's.myshopify.com',
    to: 'app/uninstalled',
    text: 'app/uninstalled',
    ...ownTs,
  });
});

test('slack: users and channels alone or in their objects, a reaction, a signed time', async () => {
  const reaction = { type: 'reaction_added', user: 'U1', reaction: 'eyes', item: { channel: 'C1' } };
  assert.deepEqual(
    await one(deliveryOf({ event_id: 'Ev1', event_time: 5, team_id: 'T1', event: reaction }), 'slack'),
    {
      message_id: 'shop:Ev1',
      from: 'U1',
      to: 'C1',
      ts: 5,
      text: 'reaction_added eyes',
      tsIsOfDelivery: false,
    },
  );
  const joined = {
    event_id: 'Ev2',
    event_time: 5,
    team_id: 'T1',
    event: { type: 'team_join', user: { id: 'U2' } },
  };
  const { from, to, text } = await one(deliveryOf(joined), 'slack');
  assert.deepEqual([from, to, text], ['U2', 'T1', 'team_join']);
  const submitted = {
    type: 'view_submission',
    user: { id: 'U3' },
    team: { id: 'T1' },
    view: { callback_id: 'survey' },
  };
  const form = formOf({ payload: JSON.stringify(submitted) });
  const delivery = deliveryOf(form, { id: 'd1', contentType: FORM, signedAtMs: 7_500 });
  assert.deepEqual(await one(delivery, 'slack'), {
    message_id: 'shop:d1',
    from: 'U3',
    to: 'T1',
    ts: 7,
    text: 'survey',
    tsIsOfDelivery: true,
  });
});

test('twilio: a message without text, and a body that is no form', async () => {
  const form = formOf({
    MessageSid: 'MM1',
    From: '+1',
    To: '+2',
    Body: '',
    NumMedia: '1',
    SmsStatus: 'received',
  });
  assert.deepEqual(await one(deliveryOf(form, { contentType: FORM }), 'twilio'), {
    message_id: 'shop:MM1',
    from: '+1',
    to: '+2',
    text: '',
    ...ownTs,
  });
  assert.deepEqual((await map(deliveryOf('{"a":1}'), 'twilio')).leftovers, ['']);
});

test('raw: any bytes, at the signed time', async () => {
  const delivery = deliveryOf(Buffer.from([0x68, 0x69, 0xff]), { id: 'd1', signedAtMs: 9_000 });
  assert.deepEqual(await one(delivery, 'raw'), {
    message_id: 'shop:d1',
    from: 'shop',
    to: 'generic',
    ts: 9,
    text: 'hi\uFFFD',
    tsIsOfDelivery: true,
  });
  assert.equal((await one(deliveryOf(''), 'raw')).text, '');
  assert.deepEqual(
    (await map(deliveryOf('x', { id: 'i'.repeat(251) }), 'raw')).leftovers,
    [''],
    '256 characters',
  );
  assert.equal((await one(deliveryOf('x', { id: 'i'.repeat(250) }), 'raw')).message_id.length, 255);
});

test('without a mapping a body is a message or an array of them', async () => {
  const message = { message_id: 'm1', from: 'a', to: 'b', ts: 5, text: 'hi', n: 1 };
  assert.deepEqual(await one(deliveryOf(message)), {
    message_id: 'shop:m1',
    from: 'a',
    to: 'b',
    ts: 5,
    text: 'hi',
    extra: '{"n":1}',
    tsIsOfDelivery: false,
  });
  const { messages, leftovers } = await map(
    deliveryOf([message, 7, { ...message, from: undefined }, { ...message, message_id: 'm2' }]),
  );
  assert.deepEqual(
    messages.map(({ message_id }) => message_id),
    ['shop:m1', 'shop:m2'],
  );
  assert.deepEqual(leftovers, ['/1', '/2']);
  assert.deepEqual((await map(deliveryOf('[]'))).leftovers, ['']);
});

test('texts and addresses are cut by characters, and hold nothing that UTF-8 or a shell cannot', async () => {
  const body = {
    message_id: 'm1',
    from: '😀'.repeat(300),
    to: 'a\0b\uD800',
    ts: -1,
    text: '😀'.repeat(70_000),
  };
  const message = await one(deliveryOf(body));
  assert.equal(message.from, '😀'.repeat(255));
  assert.equal(message.to, 'a\uFFFDb\uFFFD');
  assert.equal(message.text, '😀'.repeat(65_536));
  assert.equal(message.tsIsOfDelivery, true, 'a time before 1970 is none');
  for (const message_id of ['a\0b', 'a\uD800', ''])
    assert.deepEqual((await map(deliveryOf({ ...body, message_id }))).leftovers, ['']);
});

test('pointers are bounded, messages are not', async () => {
  const { messages, leftovers } = await map(
    deliveryOf([
      ...Array<number>(5_000).fill(1),
      ...Array.from({ length: 2_000 }, (_, i) => ({ message_id: `${i}`, from: 'a', to: 'b' })),
    ]),
  );
  assert.deepEqual([messages.length, leftovers.length], [2_000, 1_000]);
});
