/** The reading tests of the contract. Each part gets its own database and rejects when it finds a fault. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import fc from 'fast-check';
import type { StoreItem } from '@lyftr/shared/batch';
import type { TestMessage } from '../sqlite/testing.js';
import { BUCKET_SECONDS, type Filter, type Page, type ReadStore, type StoredMessage } from '../store.js';
import { cases, expected, type Query } from './cases.js';
import {
  ALL,
  ALL_LETTERS,
  batch,
  FIRST_PAGE,
  indexAll,
  mapped,
  sent,
  tuple,
  withStores,
  type Subject,
} from './subject.js';

const RUNS = 60;

const known = ({ message_id, from, to, ts, text, source }: StoredMessage): TestMessage => ({
  message_id,
  from,
  to,
  ts,
  text,
  source: source ?? undefined,
});

/** As it comes to the writer. */
const itemOf = ({ message_id, from, to, ts, text, source }: TestMessage): StoreItem => {
  const item = tuple(message_id, { from, to, ts, text });
  return source === undefined ? item : mapped(sent(source), item);
};

const filterOf = ({ q, from, to, since, until, source }: Query): Filter => ({
  from,
  to,
  since,
  until,
  source,
  text: q === '' ? undefined : q,
});

/** Each member of a filter alone, with the ids that it must find. A new member must be added here. */
const EACH_FILTER: Record<keyof Filter, [Filter[keyof Filter], string[]]> = {
  from: ['a', ['1', '2']],
  to: ['z', ['2', '3']],
  since: [20, ['2', '3']],
  until: [20, ['1']],
  source: ['shop', ['2']],
  text: ['THREE', ['3']],
};

/** Chance might not come upon it. */
const IN_ANOTHER_CASE = {
  all: [{ message_id: '1', from: 'a' as const, to: 'a' as const, ts: 5, text: 'Straße', source: undefined }],
  watermark: 1,
  queries: [{ q: 'STRASSE', order: 'asc', limit: 5, offset: 0 } as const],
};

async function compare(reader: ReadStore, all: readonly TestMessage[], query: Query): Promise<void> {
  const { order, limit, offset } = query;
  const filter = filterOf(query);
  const matches = expected(all, query);
  const page: Page = { order, limit, offset, after: undefined };
  const { total, messages } = await reader.search(filter, page);
  assert.equal(total, matches.length, JSON.stringify(query));
  assert.deepEqual(messages.map(known), matches.slice(offset, offset + limit));
  const [first] = matches;
  if (first !== undefined) {
    const behind = await reader.search(filter, { order, limit, offset: 0, after: first });
    assert.deepEqual(behind.messages.map(known), matches.slice(1, 1 + limit));
  }
}

export const READ_PARTS = {
  'a message comes back as it was delivered': (subject: Subject) =>
    withStores(subject, async (writer, reader) => {
      const extra = '{"b":1.0,"a":9007199254740993,"b":"\\u0041"}';
      await writer.commit([batch(1, [tuple('id', { ts: 7, text: 'a\0b \ud83d\ude00', extra }), tuple('2')])]);
      const from = { from: 'a', to: 'b', source: null };
      const message = { message_id: 'id', ...from, ts: 7, text: 'a\0b \ud83d\ude00', extra };
      assert.deepEqual(await reader.message('id'), message);
      assert.deepEqual((await reader.search(ALL, FIRST_PAGE)).messages, [
        message,
        { message_id: '2', ...from, ts: 1_000, text: 'hello', extra: null },
      ]);
      assert.equal(await reader.message('ID'), undefined);
    }),

  'every filter narrows, alone and with each other one': (subject: Subject) =>
    withStores(subject, async (writer, reader) => {
      await writer.commit([
        batch(1, [
          tuple('1', { ts: 10, text: 'one' }),
          mapped(sent('shop'), tuple('2', { ts: 20, to: 'z', text: 'two' })),
          tuple('3', { ts: 30, from: 'c', to: 'z', text: 'three' }),
        ]),
      ]);
      const names = Object.keys(EACH_FILTER) as (keyof Filter)[];
      for (const one of names) {
        for (const other of names) {
          const filter = { ...ALL, [one]: EACH_FILTER[one][0], [other]: EACH_FILTER[other][0] };
          const ids = EACH_FILTER[one][1].filter((id) => EACH_FILTER[other][1].includes(id));
          const { total, messages } = await reader.search(filter, FIRST_PAGE);
          assert.equal(total, ids.length, `total by ${one} and ${other}`);
          assert.deepEqual(
            messages.map(({ message_id }) => message_id),
            ids,
            `${one} and ${other}`,
          );
        }
        const { [one]: given } = { ...ALL, [one]: EACH_FILTER[one][0] };
        if (one === 'text') continue;
        const buckets = await reader.timeline({ bucket: 'day', filter: { ...ALL, [one]: given } });
        assert.equal(buckets[0]?.count ?? 0, EACH_FILTER[one][1].length, `timeline by ${one}`);
      }
    }),

  'searches find what a model finds, indexed and not': (subject: Subject) =>
    withStores(subject, async (writer, reader) => {
      let number = 1;
      await fc.assert(
        fc.asyncProperty(cases, async ({ all, watermark, queries }) => {
          if (all.length > 0) await writer.commit([batch(number, all.map(itemOf))]);
          number += all.length;
          for (const query of queries) await compare(reader, all, query);
          if (watermark > 0) await writer.indexStep(watermark);
          for (const query of queries) await compare(reader, all, query);
          await writer.prune(Number.MAX_SAFE_INTEGER, 1_000);
          assert.equal((await reader.search(ALL, FIRST_PAGE)).total, 0);
        }),
        { numRuns: RUNS, examples: [[IN_ANOTHER_CASE]] },
      );
    }),

  'figures are those of a model': (subject: Subject) =>
    withStores(subject, async (writer, reader) => {
      let number = 1;
      await fc.assert(
        fc.asyncProperty(cases, async ({ all, queries }) => {
          if (all.length > 0) await writer.commit([batch(number, all.map(itemOf))]);
          number += all.length;
          for (const query of queries) {
            const { since, until } = query;
            const inRange = expected(all, { since, until, order: 'asc', limit: 1, offset: 0 });
            const bySender = new Map<string, number>();
            for (const { from } of inRange) bySender.set(from, (bySender.get(from) ?? 0) + 1);
            const stats = await reader.stats({ top: 2, since, until });
            assert.deepEqual(stats, {
              messages: inRange.length,
              sendersCount: bySender.size,
              senders: [...bySender]
                .map(([from, count]) => ({ from, count }))
                .toSorted((a, b) => b.count - a.count || (a.from < b.from ? -1 : 1))
                .slice(0, 2),
              first: inRange[0]?.ts ?? null,
              last: inRange.at(-1)?.ts ?? null,
            });
            for (const bucket of ['minute', 'hour', 'day'] as const) {
              const width = BUCKET_SECONDS[bucket];
              const counts = new Map<number, number>();
              for (const { ts } of expected(all, { ...query, q: undefined, order: 'asc' }))
                counts.set(ts - (ts % width), (counts.get(ts - (ts % width)) ?? 0) + 1);
              const filter = { ...filterOf(query), text: undefined };
              assert.deepEqual(
                await reader.timeline({ bucket, filter }),
                [...counts].map(([start, count]) => ({ start, count })),
              );
            }
          }
          await writer.prune(Number.MAX_SAFE_INTEGER, 1_000);
        }),
        { numRuns: RUNS },
      );
    }),

  'an export has every message of the filter, in order, in parts': (subject: Subject) =>
    withStores(subject, async (writer, reader) => {
      const count = 2_500;
      const messages = Array.from({ length: count }, (_, i) =>
        tuple(String(i).padStart(5, '0'), { ts: 1_000 + (i % 7), from: i % 5 === 0 ? 'x' : 'a' }),
      );
      await writer.commit([batch(1, messages)]);
      await indexAll(writer);
      for (const filter of [ALL, { ...ALL, from: 'x' }, { ...ALL, text: 'hell' }]) {
        for (const order of ['asc', 'desc'] as const) {
          const ids: string[] = [];
          for await (const part of reader.export(filter, order))
            ids.push(...part.map((each) => each.message_id));
          const wanted = messages
            .filter(([, from]) => filter.from === undefined || from === filter.from)
            .toSorted((a, b) => a[3] - b[3] || (a[0] < b[0] ? -1 : 1))
            .map(([id]) => id);
          assert.deepEqual(ids, order === 'asc' ? wanted : wanted.toReversed());
        }
      }
      const abandoned = new AbortController();
      abandoned.abort();
      await assert.rejects(async () => {
        for await (const _ of reader.export({ ...ALL, text: 'hell' }, 'asc', abandoned.signal));
      });
    }),

  'without a database a reader says so, and goes on when there is one': async (subject: Subject) => {
    const reader = subject.openReader();
    try {
      assert.doesNotMatch(await reader.state(), /^ok/);
      for (const read of [
        () => reader.search(ALL, FIRST_PAGE),
        () => reader.message('1'),
        () => reader.delivery('1'),
        () => reader.stored([]),
        () => reader.deadLetters(ALL_LETTERS, 1, 0),
      ])
        await assert.rejects(read, { code: 'not-ready' });
      assert.throws(() => subject.openAdmin(), /no database/);
      const writer = await subject.openWriter('writer-1');
      try {
        await writer.commit([batch(1, [tuple('1')])]);
        assert.equal(await reader.state(), 'ok');
        assert.equal((await reader.search(ALL, FIRST_PAGE)).total, 1);
        const sizes = await reader.sizes();
        assert.ok(Object.values(sizes?.parts ?? {}).some((bytes) => bytes > 0));
        assert.ok((sizes?.freeBytes ?? 0) > 0);
      } finally {
        await writer.close();
      }
    } finally {
      await reader.close();
    }
  },

  'an audit of what was written is clean, while it is written and alone, and a copy of it too': async (
    subject: Subject,
  ) => {
    await withStores(subject, async (writer) => {
      const messages = Array.from({ length: 50 }, (_, i) => tuple(`${i}`, { ts: i, text: `text ${i}` }));
      await writer.commit([batch(1, [...messages, tuple('1', { text: 'other' })])]);
      await writer.indexStep(30);
      await writer.prune(10, 100);
      const admin = subject.openAdmin();
      assert.notEqual(admin.location, '');
      const lines = await admin.audit(true);
      assert.ok(lines.length > 0);
      assert.deepEqual(
        lines.filter(({ state }) => state !== 'ok'),
        [],
      );
      const copy = subject.newFile();
      admin.requireElsewhere(copy);
      const steps: number[] = [];
      assert.deepEqual(await admin.backup(copy, (done) => steps.push(done)), { messages: 40 });
      assert.ok(statSync(copy).size > 0);
    });
    const alone = await subject.openAdmin().repair(true);
    assert.deepEqual(
      alone.filter(({ state }) => state !== 'ok'),
      [],
    );
  },
};
