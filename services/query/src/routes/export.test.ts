import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import express from 'express';
import { endApp } from '@lyftr/shared/runtime/app';
import { unguardCell } from '@lyftr/shared/csv';
import { createLogger } from '@lyftr/shared/runtime/log';
import type { Message } from '@lyftr/shared/message';
import { exportMessages } from './export.js';
import type { StoredMessage } from '@lyftr/store/store';
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
const MESSAGES = 2_500;

const messages: Message[] = Array.from({ length: MESSAGES }, (_, i) => ({
  message_id: `m-${i}`,
  from: `s${i % 7}`,
  to: 'us',
  ts: 1_000_000 + i,
  text: i % 5 === 0 ? `five "${i}", and\r\na line` : `text ${i}`,
  ...(i % 100 === 0 ? { extra: { order: { number: i } } } : {}),
}));

before(async () => {
  directory = temporaryDirectory();
  writer = createDatabase(directory.path);
  writer.insert(messages);
  writer.indexUpTo(1_800);
  service = await startService(directory.path);
});

after(async () => {
  await service.close();
  writer.close();
  directory.remove();
});

const flat = ({ extra, ...rest }: Message) => ({ ...rest, ...extra });

test('NDJSON has every message as it was delivered, over many reads', async () => {
  const response = await fetch(`${service.url}/export`);
  assert.equal(response.headers.get('content-type'), 'application/x-ndjson');
  assert.equal(response.headers.get('content-disposition'), 'attachment; filename=messages.ndjson');
  const lines = (await response.text()).trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line) as unknown),
    messages.map(flat),
  );
});

test('an export has the filters and the order of a search', async () => {
  const response = await fetch(`${service.url}/export?q=FIVE&from_=s1&order=desc&since=1970-01-12T13:50:00Z`);
  const ids = (await response.text())
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as Message).message_id);
  const expected = messages
    .filter(({ from, text, ts }) => from === 's1' && text.includes('five') && ts >= 1_000_200)
    .map(({ message_id }) => message_id)
    .toReversed();
  assert.deepEqual(ids, expected);
});

test('CSV is quoted where it has to be, and an empty result has its header', async () => {
  const csv = await (await fetch(`${service.url}/export?format=csv&until=1970-01-12T13:46:41Z`)).text();
  assert.equal(
    csv,
    'message_id,from,to,ts,text,extra\r\nm-0,s0,us,1000000,"five ""0"", and\r\na line","{""order"":{""number"":0}}"\r\n',
  );
  assert.equal(
    await (await fetch(`${service.url}/export?format=csv&from=nobody`)).text(),
    'message_id,from,to,ts,text,extra\r\n',
  );
});

/** Cells as RFC 4180 has them, and nothing else. */
function recordsOf(csv: string): string[][] {
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  const records: string[][] = [[]];
  while (cell.lastIndex < csv.length) {
    const [, quoted, plain, end] = cell.exec(csv) ?? assert.fail('this is no CSV');
    records.at(-1)?.push(quoted?.replaceAll('""', '"') ?? (plain as string));
    if (end !== ',') records.push([]);
  }
  return records.slice(1, -1);
}

test('every text is one cell of CSV, and none is a formula', async (t) => {
  const texts = [
    'a\nb',
    'a\rb',
    '\n',
    '\r',
    '"\n"',
    '=1+1',
    '+1',
    '-1',
    '@x',
    '\tx',
    "'=x",
    "it's",
    ' ',
    ',\r\n',
  ];
  const odd = texts.map((text, i) => ({ message_id: `o-${i}`, from: '+1', to: '=us', ts: i, text }));
  writer.insert(odd);
  t.after(() => writer.remove(odd));
  const csv = await (await fetch(`${service.url}/export?format=csv&to==us`)).text();
  const records = recordsOf(csv);
  assert.deepEqual(
    records.map(([id, from, to, ts, text]) => [id, from, to, ts, unguardCell(text as string)]),
    odd.map(({ message_id, ts, text }) => [message_id, "'+1", "'=us", String(ts), text]),
  );
  for (const cell of records.flat()) assert.doesNotMatch(cell, /^[=+\-@\t\r\n]/);
});

test('a client that leaves is no error in the log, a read that fails in the middle is', async (t) => {
  const lines: { msg: string; level: string }[] = [];
  const log = createLogger('query', 'info', { write: (line) => void lines.push(JSON.parse(line)) });
  const row = {
    message_id: 'm',
    from: 'a',
    to: 'b',
    ts: 1,
    text: 'x'.repeat(3e6),
    extra: null,
    source: null,
  };
  let parts: (signal: AbortSignal) => AsyncIterable<StoredMessage[]>;
  const app = express();
  app.get(
    '/export',
    exportMessages({
      ...service.store,
      export: (_filter, _order, signal) => parts(signal as AbortSignal),
    }),
  );
  endApp(app, log);
  const server = createServer(app).listen(0, '127.0.0.1');
  t.after(() => void server.close());
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/export`;

  const controller = new AbortController();
  const left = new Promise<void>((resolve) => {
    parts = async function* (signal) {
      controller.abort();
      await once(signal, 'abort');
      setImmediate(resolve);
      yield [row];
    };
  });
  await assert.rejects(fetch(`${url}?format=csv`, { signal: controller.signal }));
  await left;
  await new Promise(setImmediate);
  assert.deepEqual(lines, []);

  parts = async function* () {
    yield [row];
    await Promise.resolve();
    throw new Error('no such disk');
  };
  await assert.rejects((await fetch(url)).text());
  assert.deepEqual(
    lines.map(({ level, msg }) => [level, msg]),
    [['error', 'a response was cut off']],
  );
});

test('a client that leaves does not keep the service reading', async () => {
  const controller = new AbortController();
  const response = await fetch(`${service.url}/export`, { signal: controller.signal });
  controller.abort();
  await assert.rejects(response.text());
  assert.equal((await fetch(`${service.url}/stats`)).status, 200);
});

test('wrong parameters are named', async () => {
  const response = await fetch(`${service.url}/export?format=xml&limit=5`);
  assert.equal(response.status, 422);
  const { errors } = (await response.json()) as { errors: { path: string }[] };
  assert.deepEqual(errors.map(({ path }) => path).toSorted(), ['format', 'limit']);
});
