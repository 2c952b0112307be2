import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printable } from './printable.js';

test('what would move the cursor or turn the writing round is shown as its number', () => {
  assert.equal(printable('a\u001b[2J\n\u009b\u202e\u2028b'), 'a\\u{1b}[2J\\u{a}\\u{9b}\\u{202e}\\u{2028}b');
});

test('letters of every script stay, and half of a pair is shown as its number', () => {
  assert.equal(printable('straße привет 你好 👋'), 'straße привет 你好 👋');
  assert.equal(printable('\ud800'), '\\u{d800}');
});
