import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Delivery } from './delivery.js';
import { expressionFault, Expressions } from './jsonata.js';
import { mapDelivery } from './mapping.js';
import { deliveryOf, FORM, formOf, VERIFIED_AT } from './testing.js';

/** Time enough on a machine that is busy with other things. */
const expressions = new Expressions(20_000);
after(() => expressions.close());

const map = (jsonata: string, delivery: Delivery) => mapDelivery(delivery, { jsonata }, expressions);

const ENDLESS = '($f := function($n) { $f($n + 1) }; $f(0))';
const GREEDY =
  "($f := function($a) { $f($append($a, $map([1..10000], function($v) { {'v': $v & 'x'} }))) }; $f([]))";
const PLAIN = "{ 'id': body.id, 'from': body.a, 'to': body.b, 'ts': body.time, 'text': body.type }";

test('an expression sees body, headers, source and the time, and gives messages', async () => {
  const body = '{"id":820982911946154508,"a":"A","b":"B","time":"2026-01-01T00:00:00Z","type":"t"}';
  assert.deepEqual(await map(PLAIN, deliveryOf(body)), {
    messages: [
      {
        message_id: 'shop:820982911946154508',
        from: 'A',
        to: 'B',
        ts: 1_767_225_600,
        text: 't',
        tsIsOfDelivery: false,
      },
    ],
    leftovers: [],
  });
  const every =
    "body.items.{ 'id': id, 'from': $$.source, 'to': $$.headers.`x-to`, 'ts': $$.verified_at, 'extra': { 'n': n } }";
  const delivery = deliveryOf({ items: [{ id: 1, n: 5 }, { id: 2 }] }, { headers: { 'x-to': 'T' } });
  assert.deepEqual((await map(every, delivery)).messages, [
    {
      message_id: 'shop:1',
      from: 'shop',
      to: 'T',
      ts: VERIFIED_AT,
      text: '',
      extra: '{"n":5}',
      tsIsOfDelivery: false,
    },
    {
      message_id: 'shop:2',
      from: 'shop',
      to: 'T',
      ts: VERIFIED_AT,
      text: '',
      extra: '{}',
      tsIsOfDelivery: false,
    },
  ]);
});

test('a form is an object, and any other body is text', async () => {
  const whole = "{ 'id': '1', 'from': 'a', 'to': 'b', 'text': $type(body) = 'object' ? body.x : body }";
  const form = await map(whole, deliveryOf(formOf({ x: 'é y' }), { contentType: FORM }));
  assert.equal(form.messages[0]?.text, 'é y');
  assert.equal(
    (await map(whole, deliveryOf('plain', { contentType: 'text/plain' }))).messages[0]?.text,
    'plain',
  );
});

test('another shape, and an expression that fails, are faults with a reason', async () => {
  const cases: [string, RegExp][] = [
    ['nothing', /The result must be an object/],
    ["'text'", /The result must be an object/],
    ["{ 'id': '1', 'from': 'a' }", /The result\/to must be a string or a number/],
    ["[{ 'id': '1', 'from': 'a', 'to': 'b' }, { 'id': '2', 'from': '', 'to': 'b' }]", /^\/1\/from must be/],
    ["{ 'id': '1', 'from': 'a', 'to': 'b', 'txt': 'x' }", /\/txt is not a member/],
    ["{ 'id': '1', 'from': 'a', 'to': 'b', 'ts': 'yesterday' }", /\/ts must be/],
    ["{ 'id': '1', 'from': 'a', 'to': 'b', 'text': [1] }", /\/text must be/],
    ["{ 'id': '1', 'from': 'a', 'to': 'b', 'extra': 'x' }", /\/extra must be/],
    ['[1..1001].{ "id": $, "from": "a", "to": "b" }', /1 to 1000 messages; it has 1001/],
    ["$error('no such event')", /no such event/],
    ["{ 'id': ", /./],
  ];
  for (const [expression, reason] of cases) {
    const { messages, leftovers, fault } = await map(expression, deliveryOf('{}'));
    assert.deepEqual([messages, leftovers], [[], ['']], expression);
    assert.match(fault ?? '', reason, expression);
  }
  assert.equal(
    (await map('[1..1000].{ "id": $, "from": "a", "to": "b" }', deliveryOf('{}'))).messages.length,
    1_000,
  );
});

test('an expression without an end is ended, and the next one works', async () => {
  const own = new Expressions(500);
  const [endless, next] = await Promise.all([
    own.find(ENDLESS, deliveryOf('{}')),
    own.find(PLAIN, deliveryOf({ id: 1, a: 'A', b: 'B' })),
  ]);
  assert.deepEqual(endless, {
    drafts: [],
    leftovers: [''],
    fault: 'The expression did not end within 500 ms.',
    isOverLimit: true,
  });
  assert.equal(next.drafts[0]?.id, '1');
  await own.close();
});

test('an expression has 100 ms', async () => {
  const own = new Expressions();
  const before = performance.now();
  const { fault } = await own.find(ENDLESS, deliveryOf('{}'));
  assert.equal(fault, 'The expression did not end within 100 ms.');
  assert.ok(performance.now() - before >= 100);
  await own.close();
});

test('an expression that takes all memory is ended, and the next one works', async () => {
  const { messages, fault } = await map(GREEDY, deliveryOf('{}'));
  assert.equal(messages.length, 0);
  assert.equal(fault, 'The expression needed more than 64 MiB.');
  assert.equal((await map(PLAIN, deliveryOf({ id: 1, a: 'A', b: 'B' }))).messages.length, 1);
});

test('an answer that came while this thread was busy counts', async () => {
  const own = new Expressions(2_000);
  const delivery = deliveryOf({ id: 1, a: 'A', b: 'B' });
  await own.find(PLAIN, delivery);
  const some = "($n := $sum([1..100000].($ * 2)); { 'id': $n, 'from': body.a, 'to': body.b })";
  const answer = own.find(some, delivery);
  // the thread has said by then that it begins; afterwards nothing is heard for longer than an expression may take
  const block = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_500);
  // behind an immediate, timers are looked at before messages
  setTimeout(() => setImmediate(block), 20);
  assert.equal((await answer).drafts.length, 1);
  await own.close();
});

test('bytes of a delivery stay its own', async () => {
  // more than Node takes from its pool: such bytes could be handed over
  const delivery = deliveryOf({ id: 1, a: 'A', b: 'B', text: 'x'.repeat(100_000) });
  const before = delivery.body.toString();
  await map(PLAIN, delivery);
  assert.equal(delivery.body.toString(), before);
});

test('more than a thousand that wait are refused with an error, not with a fault', async () => {
  const own = new Expressions(20_000);
  const answers = Array.from({ length: 1_001 }, () => own.find(PLAIN, deliveryOf({ id: 1, a: 'A', b: 'B' })));
  const settled = await Promise.allSettled(answers);
  assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 1_000);
  assert.equal(settled.at(-1)?.status, 'rejected');
  await own.close();
  await assert.rejects(own.find(PLAIN, deliveryOf('{}')), /closed/);
});

test('an expression is checked before it runs', () => {
  assert.equal(expressionFault(PLAIN), undefined);
  assert.match(expressionFault("{ 'id': ") ?? '', /./);
});
