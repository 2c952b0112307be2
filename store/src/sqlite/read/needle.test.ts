import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fold } from '../fold.js';
import { readNeedle } from './needle.js';

test('LIKE is believed about a letter only when no character beyond ASCII folds to it', () => {
  const letters = new Set<string>();
  for (let code = 0x80; code <= 0x10_ffff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    for (const letter of fold(String.fromCodePoint(code))) if (letter < '\u0080') letters.add(letter);
  }
  for (let code = 1; code < 0x80; code++) {
    const folded = fold(String.fromCharCode(code));
    const isBelieved = readNeedle(folded).condition.includes('instr(m.text, char(0))');
    assert.equal(isBelieved, !letters.has(folded), folded);
  }
});

test('the index is asked for no trigram twice, and rows are tested when that is not the whole needle', () => {
  const asked = (text: string) => {
    const { match, isProof } = readNeedle(fold(text));
    return [match, isProof];
  };
  assert.deepEqual(asked('ab'), [undefined, true]);
  assert.deepEqual(asked('order'), ['"ORDER"', true]);
  assert.deepEqual(asked('a"b'), ['"A""B"', true]);
  assert.deepEqual(asked('banana'), ['"BANAN"', false]);
  assert.deepEqual(asked(`${'a'.repeat(1_023)}b`), ['"AAA" AND "AAB"', false]);
  assert.deepEqual(asked('aaabbb'), ['"AAABBB"', true]);
  assert.deepEqual(asked('a\uFFFDb'), ['"A\uFFFDB"', false]);
  const long = Array.from({ length: 1_024 }, (_, index) => String.fromCodePoint(0x4e00 + index)).join('');
  assert.deepEqual(asked(long), [`"${long.slice(0, 34)}"`, false]);
});
