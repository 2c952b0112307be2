/** A suite that cannot fail proves nothing: every part of the contract finds an engine that is broken there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTuple, type Batch, type StoreItem } from '@lyftr/shared/batch';
import type { StoredDelivery } from '../delivery.js';
import type { AdminStore, ReadStore, WriteStore } from '../store.js';
import { CONTRACT, type Part } from './contract.js';
import { withSqlite } from './sqlite.js';
import { ALL_LETTERS, type Subject } from './subject.js';

const breakWriter =
  (change: (writer: WriteStore) => Partial<WriteStore>) =>
  (subject: Subject): Subject => ({
    ...subject,
    async openWriter(instance) {
      const writer = await subject.openWriter(instance);
      return { ...writer, ...change(writer) };
    },
  });

const breakReader =
  (change: (reader: ReadStore) => Partial<ReadStore>) =>
  (subject: Subject): Subject => ({
    ...subject,
    openReader() {
      const reader = subject.openReader();
      return { ...reader, ...change(reader) };
    },
  });

const breakAdmin =
  (change: (admin: AdminStore) => Partial<AdminStore>) =>
  (subject: Subject): Subject => ({
    ...subject,
    openAdmin() {
      const admin = subject.openAdmin();
      return { ...admin, ...change(admin) };
    },
  });

const onItems = (batches: readonly Batch[], change: (item: StoreItem) => StoreItem): Batch[] =>
  batches.map((batch) => ('corrupt' in batch ? batch : { ...batch, items: batch.items.map(change) }));

const withTimesOfDelivery = (batches: readonly Batch[], tsIsOfDelivery: boolean): Batch[] =>
  onItems(batches, (item) =>
    isTuple(item)
      ? item
      : { ...item, messages: item.messages.map(({ tuple }) => ({ tuple, tsIsOfDelivery })) },
  );

/** At least one for each part. */
const BREAKS: Record<Part, Record<string, (subject: Subject) => Subject>> = {
  'the first delivery of an id wins, and every delivery has one outcome': {
    'the last delivery wins': breakReader((reader) => ({
      message: async (id) => {
        const message = await reader.message(id);
        return message && { ...message, text: 'last' };
      },
    })),
    'a duplicate is created': breakWriter((writer) => ({
      commit: async (batches) => {
        const done = await writer.commit(batches);
        return {
          ...done,
          outcomes: { ...done.outcomes, created: done.outcomes.created + done.outcomes.duplicate },
        };
      },
    })),
    'nothing is settled': breakWriter((writer) => ({
      commit: async (batches) => ({ ...(await writer.commit(batches)), settled: [] }),
    })),
  },
  'what cannot be stored is put aside, and costs no other message': {
    'a fault is not told': breakWriter((writer) => ({
      commit: async (batches) => ({ ...(await writer.commit(batches)), aside: [] }),
    })),
    'the letters come the oldest first': breakReader((reader) => ({
      deadLetters: async (filter, limit, offset) => {
        const { total, letters } = await reader.deadLetters(filter, 100, 0);
        return { total, letters: letters.toReversed().slice(offset, offset + limit) };
      },
    })),
    'nothing is discarded': breakWriter(() => ({ discard: () => Promise.resolve(true) })),
  },
  'messages that come again are counted once, by their numbers': {
    'a batch is renumbered': breakWriter((writer) => {
      let calls = 0;
      return {
        commit: (batches) =>
          writer.commit(
            batches.map((each) =>
              each.numbers === undefined || 'corrupt' in each
                ? each
                : { ...each, numbers: { ...each.numbers, producer: `${each.numbers.producer}${calls++}` } },
            ),
          ),
      };
    }),
  },
  'what is written off stays so until it comes after all': {
    'nothing is written off': breakWriter((writer) => ({
      writeOff: async (producers, decide) =>
        writer.writeOff(producers, (account) => ({ ...decide(account), lost: [] })),
    })),
    'a refusal is swallowed': breakWriter((writer) => ({
      writeOff: (producers, decide) => writer.writeOff(producers, decide).catch(() => {}),
    })),
  },
  'a writer that was replaced changes nothing any more': Object.fromEntries(
    (['commit', 'prune', 'notePrune', 'indexStep', 'discard', 'writeOff'] as const).map((method) => [
      `${method} is not fenced`,
      breakWriter((writer) => ({
        [method]: (...given: never[]) =>
          (writer[method] as (...all: never[]) => Promise<unknown>)(...given).catch(() => undefined),
      })),
    ]),
  ),
  'retention removes the oldest first, and every figure follows': {
    'more is removed than may be': breakWriter((writer) => ({
      prune: (beforeTs, messagesMax) => writer.prune(beforeTs, messagesMax + 1),
    })),
    'the newest goes too': breakWriter((writer) => ({
      prune: (beforeTs, messagesMax) => writer.prune(beforeTs + 1, messagesMax),
    })),
    'the totals stay': breakReader((reader) => ({
      stats: async (query) => ({ ...(await reader.stats(query)), messages: 10 }),
    })),
  },
  'what waits for the index is told, and is found all the same': {
    'the lag is always nothing': breakReader((reader) => ({
      stored: async (producers) => ({ ...(await reader.stored(producers)), indexLagMessages: 0 }),
    })),
    'what waits is not found': (subject) => {
      let writer: WriteStore | undefined;
      return {
        ...breakReader((reader) => ({
          search: async (filter, page) => {
            const { total, messages } = await reader.search(filter, page);
            return { total: total - ((await writer?.indexLag()) ?? 0), messages };
          },
        }))(subject),
        openWriter: async (instance) => (writer = await subject.openWriter(instance)),
      };
    },
  },
  'a message comes back as it was delivered': {
    'other members are parsed': breakReader((reader) => ({
      message: async (id) => {
        const message = await reader.message(id);
        return message && { ...message, extra: message.extra && JSON.stringify(JSON.parse(message.extra)) };
      },
    })),
    'ids have no case': breakReader((reader) => ({ message: (id) => reader.message(id.toLowerCase()) })),
  },
  'every filter narrows, alone and with each other one': Object.fromEntries(
    (['from', 'to', 'since', 'until', 'source', 'text'] as const).map((name) => [
      `${name} is not looked at`,
      breakReader((reader) => ({
        search: (filter, page) => reader.search({ ...filter, [name]: undefined }, page),
      })),
    ]),
  ),
  'searches find what a model finds, indexed and not': {
    'a page begins one message late': breakReader((reader) => ({
      search: (filter, page) => reader.search(filter, { ...page, offset: page.offset + 1 }),
    })),
    'case counts': breakReader((reader) => ({
      search: async (filter, page) => {
        const { total, messages } = await reader.search(filter, page);
        const own = messages.filter(({ text }) => text.includes(filter.text ?? ''));
        return { total: total - messages.length + own.length, messages: own };
      },
    })),
  },
  'figures are those of a model': {
    'a sender is missing': breakReader((reader) => ({
      stats: async (query) => {
        const stats = await reader.stats(query);
        return { ...stats, senders: stats.senders.slice(1) };
      },
    })),
    'the range is not looked at': breakReader((reader) => ({
      timeline: ({ bucket, filter }) => reader.timeline({ bucket, filter: { ...filter, until: undefined } }),
    })),
  },
  'an export has every message of the filter, in order, in parts': {
    'its last part is missing': breakReader((reader) => ({
      async *export(filter, order, signal) {
        let held;
        for await (const part of reader.export(filter, order, signal)) {
          if (held !== undefined) yield held;
          held = part;
        }
      },
    })),
    'it goes on when nobody waits': breakReader((reader) => ({
      export: (filter, order) => reader.export(filter, order),
    })),
  },
  'without a database a reader says so, and goes on when there is one': {
    'all is well without one': breakReader(() => ({ state: () => Promise.resolve('ok') })),
    'nothing is found without one': breakReader((reader) => ({
      message: (id) => reader.message(id).catch(() => undefined),
    })),
  },
  'an audit of what was written is clean, while it is written and alone, and a copy of it too': {
    'it finds a fault where there is none': breakAdmin(() => ({
      audit: () => Promise.resolve([{ name: 'ids', state: 'fault', figures: {}, faults: ['gone'] }]),
    })),
    'it repairs what is whole': breakAdmin(() => ({
      repair: () => Promise.resolve([{ name: 'ids', state: 'repaired', figures: {}, faults: ['gone'] }]),
    })),
    'nothing is copied': breakAdmin(() => ({ backup: () => Promise.resolve({ messages: 40 }) })),
  },
  'a delivery is stored with its messages, once, and counts as many outcomes as it has': {
    'a delivery counts once': breakWriter((writer) => ({
      commit: async (batches) => {
        const done = await writer.commit(batches);
        return { ...done, outcomes: { ...done.outcomes, fanout: 0 } };
      },
    })),
    'the total of the fanout is not kept': breakReader((reader) => ({
      stored: async (producers) => {
        const stored = await reader.stored(producers);
        return { ...stored, account: { ...stored.account, fanout: 0 } };
      },
    })),
    'the last of its messages is lost': breakWriter((writer) => ({
      commit: (batches) =>
        writer.commit(
          onItems(batches, (item) =>
            isTuple(item) ? item : { ...item, messages: item.messages.slice(0, -1) },
          ),
        ),
    })),
    'a message has no delivery': breakReader(() => ({ delivery: () => Promise.resolve(undefined) })),
  },
  'a message whose time is that of its delivery is compared without it': {
    'no time is compared': breakWriter((writer) => ({
      commit: (batches) => writer.commit(withTimesOfDelivery(batches, true)),
    })),
    'every time is compared': breakWriter((writer) => ({
      commit: (batches) => writer.commit(withTimesOfDelivery(batches, false)),
    })),
  },
  'what a mapping left over is put aside with its body, and what it mapped is stored': {
    'it is lost': breakWriter((writer) => ({
      commit: (batches) =>
        writer.commit(onItems(batches, (item) => (isTuple(item) ? item : { ...item, leftovers: [] }))),
    })),
    'its body is written anew': breakReader((reader) => ({
      deadLetters: async (filter, limit, offset) => {
        const { total, letters } = await reader.deadLetters(filter, limit, offset);
        return { total, letters: letters.map((letter) => ({ ...letter, raw: letter.raw.trim() })) };
      },
    })),
    'its delivery is not told': breakReader((reader) => ({
      deadLetters: async (filter, limit, offset) => {
        const { total, letters } = await reader.deadLetters(filter, limit, offset);
        return { total, letters: letters.map((letter) => ({ ...letter, delivery: null })) };
      },
    })),
  },
  'a list has the beginning of a large dead letter, and its number leads to all of it': {
    'the list has all of it': breakReader((reader) => ({
      deadLetters: async (filter, limit, offset) => {
        const { total, letters } = await reader.deadLetters(filter, limit, offset);
        const whole = await Promise.all(
          letters.map(async (each) => (await reader.deadLetter(each.id)) ?? each),
        );
        return { total, letters: whole };
      },
    })),
    'its number leads to the beginning': breakReader((reader) => ({
      deadLetter: async (id) =>
        (await reader.deadLetters(ALL_LETTERS, 10, 0)).letters.find((each) => each.id === id),
    })),
  },
  'dead letters are selected by kind and by source': {
    'the kind selects nothing': breakReader((reader) => ({
      deadLetters: (filter, limit, offset) =>
        reader.deadLetters({ ...filter, kind: undefined }, limit, offset),
    })),
    'the source selects nothing': breakReader((reader) => ({
      deadLetters: (filter, limit, offset) =>
        reader.deadLetters({ ...filter, source: undefined }, limit, offset),
    })),
  },
  'retention removes a delivery with the last of its messages': {
    'it goes with the first': breakReader((reader) => ({
      async *deliveries(filter, order, signal) {
        for await (const part of reader.deliveries(filter, order, signal))
          yield part.filter(({ id }) => id !== 'd-1');
      },
    })),
    'its step is not bounded': breakWriter((writer) => ({
      prune: async (beforeTs, messagesMax) => {
        let all = 0;
        for (let step = -1; step !== 0 && all < messagesMax; all += step)
          step = await writer.prune(beforeTs, messagesMax - all);
        return all;
      },
    })),
  },
  'the delivery behind a message comes back as it came, byte for byte': {
    'its body is text': breakReader((reader) => ({
      delivery: async (messageId) => {
        const delivery = await reader.delivery(messageId);
        return delivery && { ...delivery, body: Buffer.from(delivery.body.toString()) };
      },
    })),
    'a message says no source': breakReader((reader) => ({
      search: async (filter, page) => {
        const { total, messages } = await reader.search(filter, page);
        return { total, messages: messages.map((message) => ({ ...message, source: null })) };
      },
    })),
  },
  'deliveries of a filter come once each, whole, in parts': {
    'one comes twice': breakReader((reader) => ({
      async *deliveries(filter, order, signal) {
        for await (const part of reader.deliveries(filter, order, signal))
          yield [...part, ...part.slice(0, 1)];
      },
    })),
    'the filter is not looked at': breakReader((reader) => ({
      deliveries: (filter, order, signal) => reader.deliveries({ ...filter, text: undefined }, order, signal),
    })),
    'they come in one part': breakReader((reader) => ({
      async *deliveries(filter, order, signal) {
        const all: StoredDelivery[] = [];
        for await (const part of reader.deliveries(filter, order, signal)) all.push(...part);
        yield all;
      },
    })),
  },
};

for (const [part, breaks] of Object.entries(BREAKS)) {
  for (const [name, broken] of Object.entries(breaks)) {
    test(`${part}: found when ${name}`, async () => {
      await assert.rejects(withSqlite((subject) => CONTRACT[part as Part](broken(subject))));
    });
  }
}
