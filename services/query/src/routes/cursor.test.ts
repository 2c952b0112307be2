import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeCursor, encodeCursor } from './cursor.js';

test('a cursor keeps its place, whatever the message id', () => {
  fc.assert(
    fc.property(fc.nat(), fc.string({ unit: 'grapheme' }), (ts, message_id) => {
      const cursor = encodeCursor({ ts, message_id });
      assert.match(cursor, /^[\w-]+$/);
      assert.deepEqual(decodeCursor(cursor), { ts, message_id });
    }),
  );
});

test('what is not a cursor is refused', () => {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const good = encodeCursor({ ts: 1, message_id: 'a' });
  const refused = [
    'garbage',
    '!!!!',
    `${good}=`,
    ` ${good}`,
    encode({}),
    encode(null),
    encode([1]),
    encode(['1', 'a']),
  ];
  for (const cursor of [...refused, encode([1.5, 'a']), encode([1, 'a', 2])]) {
    assert.equal(decodeCursor(cursor), undefined, cursor);
  }
});
