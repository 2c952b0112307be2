import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fold } from './fold.js';

test('a substring stays a substring, whatever surrounds it', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 });
  fc.assert(
    fc.property(text, text, text, (before, needle, after) => {
      assert.ok(fold(before + needle + after).includes(fold(needle)));
    }),
  );
});

test('letters that differ only by case are one letter', () => {
  for (const [a, b] of [
    ['straße', 'STRASSE'],
    ['ΟΔΟΣ', 'οδος'],
    ['\u212a', 'k'],
    ['ПРИВЕТ', 'привет'],
  ] as const) {
    assert.equal(fold(a), fold(b));
  }
});

test('NUL does not end a text', () => {
  assert.ok(!fold('a\0b').includes('\0'));
});
