import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { Message } from '@lyftr/shared/message';
import type { MessagesAnswer } from './messages.js';
import { cases, expected, MESSAGES_MAX, type Query } from '@lyftr/store/contract/cases';
import {
  createDatabase,
  temporaryDirectory,
  type TestDirectory,
  type TestWriter,
} from '@lyftr/store/sqlite/testing';
import { startService, type TestService } from '../testing.js';

let directory: TestDirectory;
let writer: TestWriter;
let service: TestService;

before(async () => {
  directory = temporaryDirectory();
  writer = createDatabase(directory.path);
  service = await startService(directory.path);
});

after(async () => {
  await service.close();
  writer.close();
  directory.remove();
});

async function get(parameters: Record<string, string>): Promise<MessagesAnswer> {
  const response = await fetch(`${service.url}/messages?${new URLSearchParams(parameters).toString()}`);
  assert.equal(response.status, 200, JSON.stringify(parameters));
  return (await response.json()) as MessagesAnswer;
}

function parametersOf({ since, until, ...rest }: Query): Record<string, string> {
  const iso = (seconds: number) => new Date(seconds * 1_000).toISOString();
  const all = {
    ...rest,
    since: since === undefined ? undefined : iso(since),
    until: until === undefined ? undefined : iso(until),
  };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}

async function walk(parameters: Record<string, string>): Promise<Message[]> {
  const seen: Message[] = [];
  let cursor: string | null | undefined = '';
  while (typeof cursor === 'string') {
    const answer: MessagesAnswer = await get({ ...parameters, cursor });
    assert.equal(answer.has_more, answer.next_cursor !== null);
    seen.push(...answer.data);
    assert.ok(seen.length <= MESSAGES_MAX, 'the walk goes in circles');
    cursor = answer.next_cursor;
  }
  assert.equal(cursor, null);
  return seen;
}

test('answers are those of a brute-force model, wherever the watermark of the text index stands', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ all, watermark, queries }) => {
      writer.clear();
      writer.insert(all);
      writer.indexUpTo(watermark);
      for (const query of queries) {
        // without the members that are undefined
        const matches = JSON.parse(JSON.stringify(expected(all, query))) as Message[];
        const { limit, offset } = query;
        assert.deepEqual(await get(parametersOf(query)), {
          total: matches.length,
          limit,
          offset,
          data: matches.slice(offset, offset + limit),
          has_more: offset + limit < matches.length,
        });
        assert.deepEqual(await walk(parametersOf({ ...query, offset: 0 })), matches);
      }
    }),
    { numRuns: 300 },
  );
});

test('a search of 1,024 characters finds its text in the index', async () => {
  const text = Array.from({ length: 1_024 }, (_, index) => String.fromCodePoint(0x4e00 + index)).join('');
  writer.clear();
  writer.insert([
    { message_id: 'long', from: 'a', to: 'b', ts: 1, text: `before ${text} after` },
    { message_id: 'other', from: 'a', to: 'b', ts: 1, text: text.slice(1) },
  ]);
  writer.indexUpTo(2);
  const response = await fetch(`${service.url}/messages?q=${encodeURIComponent(text)}`);
  const { data } = (await response.json()) as MessagesAnswer;
  assert.deepEqual(
    data.map(({ message_id }) => message_id),
    ['long'],
  );
});
