import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import type { FieldError, Problem } from '@lyftr/shared/errors';
import type { MessagesAnswer } from './messages.js';
import {
  createDatabase,
  temporaryDirectory,
  type TestDirectory,
  type TestWriter,
} from '@lyftr/store/sqlite/testing';
import { startService, type TestService } from '../testing.js';

const HOSTILE_IDS = ['a/b', '%', '%2F', '..', '.', '😀', 'a b', 'a+b', '?', '#', '"', '/', 'a\\b', 'a;b'];

let directory: TestDirectory;
let writer: TestWriter;
let service: TestService;

before(async () => {
  directory = temporaryDirectory();
  writer = createDatabase(directory.path);
  writer.insert([
    { message_id: 'm1', from: '+1', to: 'x', ts: 1_704_067_200, text: 'Grüße 100%_"' },
    { message_id: 'm2', from: '+1', to: 'y', ts: 1_704_067_201, text: '', extra: { n: { deep: [1] } } },
    { message_id: 'm3', from: '+2', to: 'x', ts: 1_704_067_201, text: 'hello' },
    ...HOSTILE_IDS.map((message_id) => ({ message_id, from: 'h', to: 'h', ts: 0, text: message_id })),
  ]);
  service = await startService(directory.path);
});

after(async () => {
  await service.close();
  writer.close();
  directory.remove();
});

async function ids(search: string): Promise<string[]> {
  const response = await fetch(`${service.url}/messages?${search}`);
  assert.equal(response.status, 200, search);
  return ((await response.json()) as MessagesAnswer).data.map(({ message_id }) => message_id);
}

async function faults(search: string): Promise<FieldError[]> {
  const response = await fetch(`${service.url}/messages?${search}`);
  assert.equal(response.status, 422, search);
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
  const problem = (await response.json()) as Problem;
  assert.equal(problem.type, 'urn:lyftr:problem:invalid-query');
  return problem.errors ?? [];
}

/** The target goes as it is: fetch would resolve `..` by itself. */
async function raw(target: string): Promise<{ status: number | undefined; body: string }> {
  const sent = request({ port: service.port, path: target, agent: false });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += String(chunk);
  return { status: response.statusCode, body };
}

test('a page has defaults, and messages have their other members when there are any', async () => {
  const response = await fetch(`${service.url}/messages?from=%2B1`);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
  assert.deepEqual(await response.json(), {
    total: 2,
    limit: 50,
    offset: 0,
    data: [
      { message_id: 'm1', from: '+1', to: 'x', ts: 1_704_067_200, text: 'Grüße 100%_"' },
      { message_id: 'm2', from: '+1', to: 'y', ts: 1_704_067_201, text: '', extra: { n: { deep: [1] } } },
    ],
    has_more: false,
  });
});

test('parameters mean what they say', async () => {
  assert.deepEqual(await ids('q=GR%C3%9CSSE'), ['m1']);
  assert.deepEqual(await ids('q=0%25_%22'), ['m1']);
  assert.deepEqual(await ids('q=l_o'), []);
  assert.deepEqual(await ids('q=&to=x'), ['m1', 'm3']);
  assert.deepEqual(await ids('from_=%2B2'), ['m3']);
  assert.deepEqual(await ids('from_=%2B2&from=%2B2'), ['m3']);
  assert.deepEqual(await ids('since=2024-01-01T02:00:01+02:00'), ['m2', 'm3']);
  assert.deepEqual(await ids('since=2024-01-01&until=2024-01-01T00:00:00.5'), ['m1']);
  assert.deepEqual(await ids('since=2024-01-01&order=desc'), ['m3', 'm2', 'm1']);
  assert.deepEqual(await ids('since=2024-01-02&until=2024-01-01'), []);
  assert.deepEqual(await ids('since=1969-12-31&limit=1&offset=9007199254740991'), []);
});

test('a page that is asked for by cursor begins behind the last message, ties included', async () => {
  const first = await fetch(`${service.url}/messages?since=2024-01-01&limit=2&cursor=`);
  const page = (await first.json()) as MessagesAnswer;
  assert.equal(page.total, 3);
  assert.equal(page.has_more, true);
  // a message that arrives before the place moves a page by number, not a page by place
  writer.insert([{ message_id: 'm0', from: '+1', to: 'x', ts: 1_704_067_200, text: '' }]);
  assert.deepEqual(await ids(`since=2024-01-01&limit=2&cursor=${page.next_cursor}`), ['m3']);
  writer.database.exec("DELETE FROM messages WHERE message_id = 'm0'");
  const last = await fetch(`${service.url}/messages?since=2024-01-01&cursor=${page.next_cursor}`);
  const { next_cursor, has_more } = (await last.json()) as MessagesAnswer;
  assert.deepEqual({ next_cursor, has_more }, { next_cursor: null, has_more: false });
});

test('every fault is named', async () => {
  const paths = async (search: string) => (await faults(search)).map(({ path }) => path);
  const wrong = [
    'limit=0',
    'limit=101',
    'limit=',
    'limit=1.0',
    'limit=0x10',
    'limit=%205',
    'limit=5&limit=6',
  ];
  for (const search of wrong) assert.deepEqual(await paths(search), ['limit'], search);
  assert.deepEqual(await paths('offset=-1'), ['offset']);
  assert.deepEqual(await paths('offset=9007199254740992'), ['offset']);
  for (const time of ['yesterday', '2024-13-01', '2024-02-30', '']) {
    assert.deepEqual(await paths(`since=${time}&until=${time}`), ['since', 'until'], time);
  }
  assert.deepEqual(await paths('order=up'), ['order']);
  assert.deepEqual(await paths('cursor=garbage'), ['cursor']);
  assert.deepEqual(await paths('from_=%00'), ['from_']);
  // an address of a provider may be as long as an id
  assert.deepEqual(await ids(`from_=${'x'.repeat(255)}&to=${'x'.repeat(255)}`), []);
  assert.deepEqual(await paths(`from_=${'x'.repeat(256)}&to=${'x'.repeat(256)}`), ['from_', 'to']);
  assert.deepEqual(await paths(`q=${'x'.repeat(1_025)}`), ['q']);
  for (const name of ['Limit', '__proto__', 'constructor', 'toString', 'from[]']) {
    assert.deepEqual(await faults(`${name}=1`), [
      { path: name, message: 'is not a parameter of this route' },
    ]);
  }
  assert.deepEqual(await faults('from=a&from_=b'), [{ path: 'from', message: 'must be equal to from_' }]);
  assert.deepEqual(await faults('cursor=&offset=1'), [
    { path: 'offset', message: 'must be 0 when cursor is set' },
  ]);
  assert.deepEqual((await paths('limit=x&offset=-1&since=x&what=1&to=a&to=b&from=a&from_=b')).toSorted(), [
    'from',
    'limit',
    'offset',
    'since',
    'to',
    'what',
  ]);
});

test('a hundred faults are answered by twenty', async () => {
  const search = Array.from({ length: 100 }, (_, index) => `unknown${index}=1`).join('&');
  assert.equal((await faults(search)).length, 20);
});

test('a query string that is not UTF-8 is malformed, not another search', async () => {
  assert.equal((await raw('/messages?q=%ff')).status, 400);
  assert.equal((await raw('/messages?q=100%')).status, 400);
});

test('one message is found by its id, whatever characters it has', async () => {
  for (const id of HOSTILE_IDS) {
    const { status, body } = await raw(`/messages/${encodeURIComponent(id)}`);
    assert.equal(status, 200, id);
    assert.deepEqual(JSON.parse(body), { message_id: id, from: 'h', to: 'h', ts: 0, text: id });
  }
  assert.equal((await raw('/messages/absent')).status, 404);
  assert.equal((await raw('/messages/a/b')).status, 404);
});

test('a message id that is not percent-encoded UTF-8 is malformed', async () => {
  for (const id of ['%', '%zz', '%ff']) assert.equal((await raw(`/messages/${id}`)).status, 400, id);
});
