import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Message } from '@lyftr/shared/message';
import {
  createDatabase,
  startService,
  temporaryDirectory,
  type TestDirectory,
  type TestService,
  type TestWriter,
} from './testing.js';

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
