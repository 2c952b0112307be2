import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClockGuard } from './retention.js';

const HOUR_MS = 3_600_000;
const DAY = 86_400;

test('a clock that jumps forward is believed after an hour, and at once when it is set right', () => {
  const isTrusted = createClockGuard();
  assert.equal(isTrusted(1_000_000, undefined, 0), true);
  const seen = 1_000_000;
  assert.equal(isTrusted(1_000_000 + DAY, seen, 60_000), true);
  assert.equal(isTrusted(1_000_000 + 10 * DAY, seen, 120_000), false);
  assert.equal(isTrusted(1_000_000 + 10 * DAY, seen, 60_000 + HOUR_MS), false);
  // set right, and wrong again: the hour begins anew
  assert.equal(isTrusted(1_003_600, seen, 70_000 + HOUR_MS), true);
  assert.equal(isTrusted(1_000_000 + 10 * DAY, seen, 80_000 + HOUR_MS), false);
  assert.equal(isTrusted(1_000_000 + 10 * DAY, seen, 79_999 + 2 * HOUR_MS), false);
  assert.equal(isTrusted(1_000_000 + 10 * DAY, seen, 80_000 + 2 * HOUR_MS), true);
});

test('a clock that goes back is believed: nothing is removed by it', () => {
  assert.equal(createClockGuard()(10, 1_000_000, 0), true);
});
