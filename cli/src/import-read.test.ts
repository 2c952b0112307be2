import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readEntries, type Entry } from './import-read.js';
import type { Format } from './record-counter.js';

async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

async function entriesOf(format: Format, text: string | Buffer, chunkSize = 7): Promise<Entry[]> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  const entries: Entry[] = [];
  for await (const entry of readEntries(chunks(bytes, chunkSize), format)) entries.push(entry);
  return entries;
}

const shown = (entries: Entry[]) => entries.map(({ line, body, fault }) => [line, fault ?? body?.toString()]);

test('a line of NDJSON keeps its bytes, whatever is wrong with its neighbours', async () => {
  const lines = ['{"a":12345678901234567890}', '', '{"a"', '{"a":"\u2028 é"}\r', '  ', '{"__proto__":1}'];
  const text = Buffer.concat([Buffer.from(`\uFEFF${lines.join('\n')}\n`), Buffer.from([0x22, 0xff, 0x22])]);
  assert.deepEqual(shown(await entriesOf('ndjson', text)), [
    [1, lines[0]],
    [3, 'is not valid JSON'],
    [4, lines[3]],
    [6, lines[5]],
    [7, 'is not valid UTF-8'],
  ]);
  assert.deepEqual(await entriesOf('ndjson', ''), []);
});

test('a record of CSV becomes a message, and extra its members as they are written', async () => {
  const csv = [
    'message_id,from,to,ts,text,extra',
    'a,1,2,3,"x ""y"", z\nline",""',
    'b,1,2,4,,"{""n"":12345678901234567890,""__proto__"":1}"',
    'c,1,2,5,é,{}',
  ];
  for (const end of ['\n', '\r\n'])
    assert.deepEqual(shown(await entriesOf('csv', `\uFEFF${csv.join(end)}${end}`)), [
      [2, '{"message_id":"a","from":"1","to":"2","text":"x \\"y\\", z\\nline","ts":3}'],
      [4, '{"message_id":"b","from":"1","to":"2","text":"","ts":4,"n":12345678901234567890,"__proto__":1}'],
      [5, '{"message_id":"c","from":"1","to":"2","text":"é","ts":5}'],
    ]);
});

test('a bad record of CSV is named by its line and costs no other', async () => {
  const lines = [
    'message_id,from,to,ts,text,extra',
    'few,1,2',
    'ok-1,1,2,3,"two\nlines",',
    'ts,1,2,x,,',
    'quote,1,2,3,a"b"c,',
    'extra,1,2,3,,[1]',
    'taken,1,2,3,,"{""text"":""y""}"',
    'broken,1,2,3,,{',
    'ok-2,1,2,3,,',
  ];
  const bad = Buffer.concat([
    Buffer.from(`${lines.join('\n')}\n`),
    Buffer.from('utf8,1,2,3,\xff,\n', 'latin1'),
  ]);
  const found = (await entriesOf('csv', bad)).map(({ line, body, fault }) => [
    line,
    fault ?? JSON.parse(String(body)).message_id,
  ]);
  assert.deepEqual(found, [
    [2, 'is not a valid CSV record (CSV_RECORD_INCONSISTENT_COLUMNS)'],
    [3, 'ok-1'],
    [5, 'ts is not a whole number'],
    [6, 'is not a valid CSV record (INVALID_OPENING_QUOTE)'],
    [7, 'extra is not a JSON object'],
    [8, 'extra has a member text, which has its own column'],
    [9, 'extra is not valid JSON'],
    [10, 'ok-2'],
    [11, 'text is not valid UTF-8'],
  ]);
});

test('a delivery of a source is read as one that is imported, and a message stays what it is', async () => {
  const head = { source: 'shop', scheme: 'shopify', key: 'main', id: 'd1', headers: { 'x-a': 'b' } };
  const delivery = { ...head, body: '{"id": 12345678901234567890}\n\u2028' };
  const lines = [
    { delivery },
    { message_id: 'plain', delivery },
    { delivery: { ...head, body_base64: '/w==' } },
    { delivery: null },
  ];
  const entries = await entriesOf('ndjson', lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  assert.deepEqual(
    entries.map(({ line, kind, body }) => [line, kind, JSON.parse(String(body))]),
    [
      [1, 'delivery', { ...delivery, imported: true }],
      [2, 'message', lines[1]],
      [3, 'delivery', { ...head, body_base64: '/w==', imported: true }],
      [4, 'message', lines[3]],
    ],
  );
});

test('a header that is not that of an export refuses the file', async () => {
  await assert.rejects(entriesOf('csv', 'message_id,from,to\n'), /has no column ts/);
  await assert.rejects(entriesOf('csv', 'message_id,from,to,ts,more\n'), /column "more"/);
  await assert.rejects(entriesOf('csv', 'message_id,from,to,ts,ts\n'), /column "ts"/);
});

test('every text comes back out of CSV, wherever the chunks are cut', async () => {
  const text = fc.string({ unit: fc.constantFrom('a', '"', '\n', '\r', ',', 'é', '😀', '\u2028', '=', ' ') });
  await fc.assert(
    fc.asyncProperty(
      fc.array(text, { minLength: 1 }),
      fc.integer({ min: 1, max: 40 }),
      async (texts, size) => {
        const records = texts.map((each, i) => `${i},1,2,3,"${each.replaceAll('"', '""')}",\n`);
        const entries = await entriesOf('csv', `message_id,from,to,ts,text,extra\n${records.join('')}`, size);
        assert.deepEqual(
          entries.map(({ body }) => JSON.parse(String(body)).text),
          texts,
        );
      },
    ),
  );
});
