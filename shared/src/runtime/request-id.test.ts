import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { givenRequestId, newRequestId } from './request-id.js';

test('an id is taken over when it is 1 to 128 characters that are safe everywhere', () => {
  const safe = fc.stringMatching(/^[A-Za-z0-9._:-]{1,128}$/);
  fc.assert(fc.property(safe, (id) => givenRequestId(id) === id));
  const unsafe = [
    '',
    'x'.repeat(129),
    'a b',
    'a\n',
    'a\r\nset-cookie: x',
    'a, b',
    'ä',
    '\u001b[2J',
    undefined,
  ];
  for (const id of unsafe) assert.equal(givenRequestId(id), undefined, JSON.stringify(id));
  assert.equal(givenRequestId(['a', 'b']), undefined);
});

test('no two requests get the same id, and every id is one that would be taken over', () => {
  const ids = Array.from({ length: 1_000 }, newRequestId);
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.equal(givenRequestId(id), id);
});
