import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDatabase, startService, temporaryDirectory } from './testing.js';

test('stats are of all messages, senders with most messages first, equal ones by the bytes of their names', async (t) => {
  const directory = temporaryDirectory();
  const writer = createDatabase(directory.path);
  const service = await startService(directory.path);
  t.after(async () => {
    await service.close();
    writer.close();
    directory.remove();
  });
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
