import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageSchema } from '@lyftr/shared/message';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { createDataset, type PostedMessage } from './messages.js';
import { DAYS, FIRST_SECOND } from './rhythm.js';

const SHAPE = { messages: 50_000, seed: 7 };
const dataset = createDataset(SHAPE);
const all = Array.from({ length: SHAPE.messages }, (_, index) => dataset.message(index));

function countsOf(member: 'from' | 'to'): number[] {
  const counts = new Map<string, number>();
  for (const message of all) counts.set(message[member], (counts.get(message[member]) ?? 0) + 1);
  return [...counts.values()].toSorted((a, b) => b - a);
}

const share = (holds: (message: PostedMessage) => boolean): number => all.filter(holds).length / all.length;

function between(value: number, low: number, high: number): void {
  assert.ok(value >= low && value <= high, `${value} is not between ${low} and ${high}`);
}

test('a message depends on seed, size and index alone', () => {
  const again = createDataset(SHAPE);
  for (const index of [49_999, 3, 777]) assert.deepEqual(again.message(index), all[index]);
  assert.notDeepEqual(createDataset({ ...SHAPE, seed: 8 }).message(3), all[3]);
});

test('every message is one that the intake takes, and has an id of its own', () => {
  const validate = new Ajv2020({ useDefaults: false, strict: false }).compile(messageSchema);
  for (const message of all) assert.ok(validate(message), JSON.stringify(validate.errors));
  assert.equal(new Set(all.map(({ message_id }) => message_id)).size, all.length);
});

test('few senders and recipients have most of the messages', () => {
  const senders = countsOf('from');
  between(senders.length, 950, 1_000);
  between((senders[0] as number) / all.length, 0.08, 0.12);
  between(senders.slice(0, 100).reduce((sum, n) => sum + n, 0) / all.length, 0.6, 0.75);
  assert.equal(countsOf('to').length, 40);
});

test('texts have 10 to 300 characters, half of them up to about 60, in many scripts', () => {
  const lengths = all.map(({ text }) => text.length).toSorted((a, b) => a - b);
  between(lengths[0] as number, 10, 12);
  between(lengths[lengths.length >> 1] as number, 52, 68);
  between(lengths.at(-1) as number, 240, 300);
  for (const script of ['Latin', 'Devanagari', 'Arabic', 'Han', 'Hiragana', 'Cyrillic']) {
    const pattern = new RegExp(`\\p{Script=${script}}`, 'u');
    assert.ok(share(({ text }) => pattern.test(text)) > 0.02, script);
  }
  between(
    share(({ text }) => /\p{Extended_Pictographic}|\p{Regional_Indicator}/u.test(text)),
    0.1,
    0.14,
  );
  assert.ok(all.every(({ text }) => text.isWellFormed()));
});

test('numbers and links make texts that occur once', () => {
  const orders = all.flatMap(({ text }) => /#ORD-\w{8}/.exec(text)?.[0] ?? []);
  between(orders.length / all.length, 0.11, 0.13);
  assert.ok(new Set(orders).size > orders.length * 0.999);
  assert.ok(share(({ text }) => /https:\/\/\S+\.example/.test(text)) > 0.05);
});

test('they arrive nearly in order over 90 days, by day and week, 2 % of them late', () => {
  // so many messages that two neighbours are about a second apart
  const dense = createDataset({ messages: 10_000_000, seed: 7 });
  const times = Array.from({ length: 20_000 }, (_, i) => dense.message(5_000_000 + i).ts);
  const late = times.filter((ts, i) => (times[i + 1] ?? 0) - ts >= 50);
  between(late.length / times.length, 0.015, 0.025);
  assert.ok(all.every(({ ts }) => ts >= FIRST_SECOND && ts <= FIRST_SECOND + DAYS * 86_400));
  between(((all.at(-1) as PostedMessage).ts - FIRST_SECOND) / 86_400, DAYS - 4, DAYS);
  const hourOf = ({ ts }: PostedMessage) => Math.floor(ts / 3_600) % 24;
  const weekday = ({ ts }: PostedMessage) => new Date(ts * 1_000).getUTCDay();
  assert.ok(share((message) => hourOf(message) === 10) > 5 * share((message) => hourOf(message) === 3));
  assert.ok(share((message) => weekday(message) === 1) > 1.5 * share((message) => weekday(message) === 0));
});

test('one in a hundred has other members', () => {
  between(
    share((message) => 'channel' in message),
    0.008,
    0.012,
  );
});
