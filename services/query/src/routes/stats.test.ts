import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createDatabase, temporaryDirectory } from '@lyftr/store/sqlite/testing';
import { startService } from '../testing.js';

async function setUp(t: TestContext) {
  const directory = temporaryDirectory();
  const writer = createDatabase(directory.path);
  const service = await startService(directory.path);
  t.after(async () => {
    await service.close();
    writer.close();
    directory.remove();
  });
  return { writer, service };
}

test('stats are of all messages, senders with most messages first, equal ones by the bytes of their names', async (t) => {
  const { writer, service } = await setUp(t);
  const stats = async (search = '') => (await fetch(`${service.url}/stats${search}`)).json();

  assert.deepEqual(await stats(), {
    total_messages: 0,
    senders_count: 0,
    messages_per_sender: [],
    first_message_ts: null,
    last_message_ts: null,
  });

  // U+FF5E sorts before an emoji by bytes, behind it by UTF-16 units
  const senders = ['b', '😀', '～', 'a', 'a', 'a', 'B'];
  writer.insert(
    senders.map((from, index) => ({
      message_id: `${index}`,
      from,
      to: 'x',
      ts: 1_710_000_000 - index,
      text: '',
    })),
  );
  const messages_per_sender = [
    { from: 'a', count: 3 },
    { from: 'B', count: 1 },
    { from: 'b', count: 1 },
    { from: '～', count: 1 },
    { from: '😀', count: 1 },
  ];
  const all = {
    total_messages: 7,
    senders_count: 5,
    messages_per_sender,
    first_message_ts: '2024-03-09T15:59:54Z',
    last_message_ts: '2024-03-09T16:00:00Z',
  };
  assert.deepEqual(await stats(), all);
  assert.deepEqual(await stats('?top=2'), { ...all, messages_per_sender: messages_per_sender.slice(0, 2) });

  for (const search of ['?top=0', '?top=1001', '?top=x', '?limit=1']) {
    assert.equal((await fetch(`${service.url}/stats${search}`)).status, 422, search);
  }
});

test('stats of a part of the time count what is in it', async (t) => {
  const { writer, service } = await setUp(t);
  const stats = async (search: string) => (await fetch(`${service.url}/stats?${search}`)).json();
  writer.insert(
    ['a', 'b', 'a', 'c'].map((from, i) => ({ message_id: `${i}`, from, to: 'x', ts: 3_600 * i, text: '' })),
  );
  assert.deepEqual(await stats('since=1970-01-01T01:00:00Z&until=1970-01-01T03:00:00Z'), {
    total_messages: 2,
    senders_count: 2,
    messages_per_sender: [
      { from: 'a', count: 1 },
      { from: 'b', count: 1 },
    ],
    first_message_ts: '1970-01-01T01:00:00Z',
    last_message_ts: '1970-01-01T02:00:00Z',
  });
  assert.deepEqual(await stats('since=1971-01-01'), {
    total_messages: 0,
    senders_count: 0,
    messages_per_sender: [],
    first_message_ts: null,
    last_message_ts: null,
  });
  assert.deepEqual(await stats('until=1980-01-01'), await stats(''));
});

test('a timeline has the messages of each bucket, cut at the ends of its range', async (t) => {
  const { writer, service } = await setUp(t);
  const timeline = async (search: string) => {
    const response = await fetch(`${service.url}/stats/timeline?${search}`);
    const { data } = (await response.json()) as { data: { start: string; count: number }[] };
    return data.map(({ start, count }) => `${start} ${count}`);
  };
  writer.insert(
    [0, 59, 60, 3_599, 3_600, 90_000].map((ts, i) => ({
      message_id: `${i}`,
      from: i % 2 === 0 ? 'even' : 'odd',
      to: 'x',
      ts,
      text: '',
    })),
  );
  const hours = ['1970-01-01T00:00:00Z 4', '1970-01-01T01:00:00Z 1', '1970-01-02T01:00:00Z 1'];
  assert.deepEqual(await timeline(''), hours);
  assert.deepEqual(await timeline('bucket=day'), ['1970-01-01T00:00:00Z 5', '1970-01-02T00:00:00Z 1']);
  const cut = 'since=1970-01-01T00:00:59Z&until=1970-01-01T01:00:00Z';
  assert.deepEqual(await timeline(cut), ['1970-01-01T00:00:00Z 3']);
  assert.deepEqual(await timeline(`bucket=minute&${cut}`), [
    '1970-01-01T00:00:00Z 1',
    '1970-01-01T00:01:00Z 1',
    '1970-01-01T00:59:00Z 1',
  ]);
  const ofOne = ['1970-01-01T00:00:00Z 2', '1970-01-01T01:00:00Z 1'];
  assert.deepEqual(await timeline('from_=even'), ofOne);
  writer.makeSeries('even', '');
  assert.deepEqual(await timeline('from_=even'), ofOne);
  assert.equal((await fetch(`${service.url}/stats/timeline?bucket=year`)).status, 422);
});
