/** Random messages and queries, to compare searches with a model. */
import fc from 'fast-check';
import { fold } from '../sqlite/fold.js';
import type { TestMessage } from '../sqlite/testing.js';

export const MESSAGES_MAX = 40;

// letters whose length or case pair changes when folded, wildcards, quotes, and characters that FTS5 cannot tell
// apart
const letters = [
  ...Array.from('abAB kKſßSıİσςΣ%_"\'*\\'),
  '\u212A',
  '\0',
  '\uFFFD',
  '\uFFFE',
  '\uFFFF',
  '\u{10FFFF}',
  '😀',
  '👍🏽',
  'é',
  'e\u0301',
];
const textOf = (minLength: number, maxLength: number) =>
  fc.array(fc.constantFrom(...letters), { minLength, maxLength }).map((parts) => parts.join(''));
const address = fc.constantFrom('a', 'A', '+1 2');
const source = fc.constantFrom('shop', 'shop-2');
// times a few seconds around whole hours, so that both rollups and partial hours count messages
const ts = fc
  .tuple(fc.constantFrom(0, 1, 2, 3, 400_000), fc.integer({ min: -2, max: 2 }))
  .map(([hour, second]) => Math.max(0, hour * 3_600 + second));
const messages = fc.uniqueArray(
  fc.record(
    {
      message_id: textOf(1, 3).map((id) => id.replaceAll('\0', '0')),
      from: address,
      to: address,
      ts,
      text: textOf(0, 12),
      source: fc.option(source, { nil: undefined }),
    },
    { noNullPrototype: true },
  ),
  { selector: ({ message_id }) => message_id, maxLength: MESSAGES_MAX },
);
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const paging = {
  order: fc.constantFrom<'asc' | 'desc'>('asc', 'desc'),
  limit: fc.integer({ min: 1, max: 10 }),
  offset: fc.integer({ min: 0, max: 12 }),
};

export interface Query {
  q?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  since?: number | undefined;
  until?: number | undefined;
  source?: string | undefined;
  order: 'asc' | 'desc';
  limit: number;
  offset: number;
}

const respelling = fc.constantFrom(
  (text: string) => text,
  (text: string) => text.toLowerCase(),
  (text: string) => text.toUpperCase(),
  (text: string) => text.replaceAll(/[\0\uFFFD-\uFFFF]/g, '\uFFFD'),
);

/** A search text that probably matches: a part of a text, in different case. */
function searchIn(all: readonly TestMessage[]): fc.Arbitrary<string> {
  if (all.length === 0) return textOf(0, 5);
  const cut = fc.record({
    text: fc.constantFrom(...all.map(({ text }) => Array.from(text))),
    start: fc.nat(10),
    length: fc.integer({ min: 1, max: 6 }),
    respell: respelling,
  });
  return fc.oneof(
    { weight: 1, arbitrary: textOf(0, 5) },
    {
      weight: 4,
      arbitrary: cut.map(({ text, start, length, respell }) =>
        respell(text.slice(start, start + length).join('')),
      ),
    },
  );
}

const queryOf = (all: readonly TestMessage[]): fc.Arbitrary<Query> =>
  fc.oneof(
    fc.record({ q: searchIn(all), ...paging }),
    fc.record({ since: optional(ts), until: optional(ts), ...paging }),
    fc.record({ source, since: optional(ts), until: optional(ts), ...paging }),
    fc.record({
      q: optional(searchIn(all)),
      from: optional(address),
      to: optional(address),
      since: optional(ts),
      until: optional(ts),
      source: optional(source),
      ...paging,
    }),
  );

/** Messages, a watermark, and queries that probably match some of the messages. */
export const cases = messages.chain((all) =>
  fc.record({
    all: fc.constant(all),
    watermark: fc.integer({ min: 0, max: all.length }),
    queries: fc.array(queryOf(all), { minLength: 1, maxLength: 6 }),
  }),
);

/** The expected matches of a query, in order, by testing every message. */
export function expected(
  all: readonly TestMessage[],
  { q, from, to, since, until, source: by, order }: Query,
): TestMessage[] {
  const matches = all.filter(
    (message) =>
      (q === undefined || fold(message.text).includes(fold(q))) &&
      (from === undefined || message.from === from) &&
      (to === undefined || message.to === to) &&
      (since === undefined || message.ts >= since) &&
      (until === undefined || message.ts < until) &&
      (by === undefined || message.source === by),
  );
  const sign = order === 'asc' ? 1 : -1;
  const bytes = ({ message_id }: TestMessage) => Buffer.from(message_id);
  return matches.toSorted((a, b) => sign * (a.ts - b.ts || Buffer.compare(bytes(a), bytes(b))));
}
