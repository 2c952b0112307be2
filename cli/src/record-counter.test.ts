import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRecordCounter, type Format } from './record-counter.js';

const quote = (field: string): string => `"${field.replaceAll('"', '""')}"`;

function count(format: Format, text: string, cutAt: number) {
  const counter = createRecordCounter(format);
  const bytes = Buffer.from(text);
  counter.add(bytes.subarray(0, cutAt));
  counter.add(bytes.subarray(cutAt));
  return [counter.records, counter.complete];
}

test('counts records whatever their fields hold and wherever the chunks are cut', () => {
  const field = fc.string({ unit: fc.constantFrom('a', '"', '\n', '\r\n', ',', 'é') });
  fc.assert(
    fc.property(fc.array(field), fc.nat(200), fc.constantFrom('\n', '\r\n'), (fields, cutAt, end) => {
      const csv = ['id,text', ...fields.map((each, i) => `${i},${quote(each)}`)].map((line) => line + end);
      assert.deepEqual(count('csv', csv.join(''), cutAt), [fields.length, true]);
      const lines = fields.map((each) => `${JSON.stringify({ each })}\n`);
      assert.deepEqual(count('ndjson', lines.join(''), cutAt), [fields.length, true]);
    }),
  );
});

test('an end in the middle of a record is not complete', () => {
  assert.deepEqual(count('ndjson', '{"a":1}\n{"a"', 3), [1, false]);
  assert.deepEqual(count('csv', 'id,text\n1,"a\n', 9), [0, false]);
  assert.deepEqual(count('csv', '', 0), [0, false]);
  assert.deepEqual(count('ndjson', '', 0), [0, true]);
});
