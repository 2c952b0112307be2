import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isoToSeconds, secondsToIso } from './iso.js';

test('a date is its midnight in UTC, and a time without a zone is in UTC', () => {
  assert.equal(isoToSeconds('2024-01-01'), 1_704_067_200);
  assert.equal(isoToSeconds('2024-01-01T00:00'), 1_704_067_200);
  assert.equal(isoToSeconds('2024-01-01T00:00:00'), 1_704_067_200);
  assert.equal(isoToSeconds('2024-01-01T00:00:00Z'), 1_704_067_200);
  assert.equal(isoToSeconds('2024-02-29t23:59:59z'), 1_709_251_199);
  assert.equal(isoToSeconds('1969-12-31T23:59:59Z'), -1);
  assert.equal(isoToSeconds('0001-01-01'), -62_135_596_800);
});

test('a zone is taken off, also when its plus arrives as a space', () => {
  for (const zone of ['+02:00', '+0200', '+02', ' 02:00']) {
    assert.equal(isoToSeconds(`2024-01-01T02:00:00${zone}`), 1_704_067_200, zone);
  }
  assert.equal(isoToSeconds('2023-12-31T18:30-05:30'), 1_704_067_200);
});

test('a fraction of a second rounds up, before the epoch too', () => {
  assert.equal(isoToSeconds('2024-01-01T00:00:00.5'), 1_704_067_201);
  assert.equal(isoToSeconds('2024-01-01T00:00:00,000001Z'), 1_704_067_201);
  assert.equal(isoToSeconds('2024-01-01T00:00:00.000Z'), 1_704_067_200);
  assert.equal(isoToSeconds('1969-12-31T23:59:58.5Z'), -1);
});

test('what is not a time is refused', () => {
  const refused = [
    '',
    'yesterday',
    '1704067200',
    '2024',
    '2024-1-1',
    '2024-13-01',
    '2024-00-10',
    '2024-02-30',
    '2023-02-29',
    '2024-01-01T',
    '2024-01-01T24:00:00Z',
    '2024-01-01T00:60',
    '2024-01-01T00:00:60',
    '2024-01-01T00:00.5',
    '2024-01-01T00:00:00.',
    '2024-01-01 00:00:00',
    '2024-01-01Z',
    '2024-01-01T00:00:00+24:00',
    '2024-01-01T00:00:00Zulu',
    ' 2024-01-01',
    '+02024-01-01',
  ];
  for (const text of refused) assert.equal(isoToSeconds(text), undefined, text);
});

test('every second from 0 to the year 9999 is written so that it reads back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), (seconds) => {
      assert.equal(isoToSeconds(secondsToIso(seconds)), seconds);
    }),
  );
  assert.equal(secondsToIso(1_710_000_000), '2024-03-09T16:00:00Z');
});
