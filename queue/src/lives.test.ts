import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONFIRMED_KEY, type Confirmed } from '@lyftr/shared/ledger';
import { createLives, type Lives } from './lives.js';

const published = (lives: Lives): [string, Confirmed][] =>
  lives.fields().map(([key, producer, json]) => {
    assert.equal(key, CONFIRMED_KEY);
    return [producer, JSON.parse(json) as Confirmed];
  });

test('numbers follow each other, and a batch that failed leaves a hole', () => {
  const lives = createLives('i');
  const [first, failed, last] = [lives.next(3), lives.next(2), lives.next(1)];
  assert.deepEqual(
    [first, failed, last].map(({ range }) => range),
    [
      [1, 3],
      [4, 5],
      [6, 6],
    ],
  );
  lives.confirm(first);
  lives.confirm(last);
  assert.equal(lives.messages(), 4);
  const confirmed = {
    messages: 4,
    ranges: [
      [1, 3],
      [6, 6],
    ],
  };
  assert.deepEqual(published(lives), [['i', confirmed]]);
});

test('a life that has too many holes ends, and none of it is forgotten', () => {
  const lives = createLives('i');
  for (let i = 0; i < 1_001; i++) {
    lives.confirm(lives.next(1));
    lives.next(1);
  }
  const [before, now] = published(lives);
  assert.deepEqual([before?.[0], before?.[1].messages, before?.[1].ranges.length], ['i', 1_000, 1_000]);
  assert.deepEqual(now, ['i-2', { messages: 1, ranges: [[2, 2]] }]);
  assert.equal(lives.messages(), 1_001);
  // not before Redis has taken it
  assert.equal(published(lives).length, 2);
  lives.published();
  assert.deepEqual(published(lives), [now]);
});

test('a process that could not publish for long begins another life, and does not publish the one before again', () => {
  let now = 0;
  const lives = createLives('i', () => now);
  lives.confirm(lives.next(1));
  lives.fields();
  lives.published();
  const inFlight = lives.next(2);
  now += 31 * 60 * 1_000;
  assert.deepEqual(published(lives), [['i-2', { messages: 0, ranges: [] }]]);
  lives.confirm(inFlight);
  lives.confirm(lives.next(5));
  assert.deepEqual(published(lives), [['i-2', { messages: 5, ranges: [[1, 5]] }]]);
});

test('what came by a source is counted for it', () => {
  const lives = createLives('i');
  lives.confirm(lives.next(3), new Map([['shop', 2]]));
  lives.confirm(
    lives.next(2),
    new Map([
      ['shop', 1],
      ['code', 1],
    ]),
  );
  lives.confirm(lives.next(1));
  const [[, , text] = []] = lives.fields();
  assert.deepEqual(JSON.parse(text ?? ''), { messages: 6, ranges: [[1, 6]], sources: { shop: 3, code: 1 } });
});
