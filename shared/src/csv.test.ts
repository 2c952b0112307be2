import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { guardCell, unguardCell } from './csv.js';

const text = fc.string({
  unit: fc.constantFrom("'", '=', '+', '-', '@', '\t', '\r', '\n', '＝', 'a', ' ', '"'),
});

test('no guarded cell is a formula, and each is the text again', () => {
  fc.assert(
    fc.property(text, (original) => {
      const cell = guardCell(original);
      assert.doesNotMatch(cell, /^[=+\-@\t\r\n＝＋－＠]/);
      assert.equal(unguardCell(cell), original);
    }),
  );
});

test('what is no formula stays as it is', () => {
  for (const each of ['', "'", "it's", "'quoted'", '1+1', ' =1', '{"a":1}']) {
    assert.equal(guardCell(each), each);
    assert.equal(unguardCell(each), each);
  }
  assert.equal(unguardCell('+1'), '+1');
});
