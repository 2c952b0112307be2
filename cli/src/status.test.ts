import assert from 'node:assert/strict';
import { test } from 'node:test';
import { age } from './age.js';
import { screenOf } from './status.js';

test('an age is its two largest units', () => {
  const ages = [0, 0.9, 59, 60, 3_599, 3_600, 86_399, 86_400 * 3 + 7_201].map(age);
  assert.deepEqual(ages, ['0s', '0s', '59s', '1m 0s', '59m 59s', '1h 0m', '23h 59m', '3d 2h']);
});

test('a screen says what is not known, and lets no control character through', () => {
  const unknown = {
    healthy: false,
    faults: ['\u001b[2J'],
    processes: null,
    ready: { ingest: null, writer: null },
    queue: null,
    ledger: null,
    deadLetters: null,
    textIndexLagMessages: null,
    perSecond: null,
  };
  assert.deepEqual(screenOf('http://h', unknown), [
    'NOT HEALTHY  http://h',
    'processes    not known',
    'ready        ingest: not known',
    'queue        not known',
    'ledger       not known',
    'missing      not known',
    'dead letters not known',
    'text index   not known',
    'per second   not known',
    'FAULT        \\u{1b}[2J',
  ]);
});

test('a process that ended in order is stopped, and one that is not heard of is not called dead', () => {
  const line = { service: 'writer', ageSeconds: 90, memoryBytes: 2 ** 20 };
  const screen = screenOf('http://h', {
    healthy: true,
    faults: [],
    processes: [
      { ...line, instance: 'a', state: 'up', leads: true, silentSeconds: 0 },
      { ...line, instance: 'b', state: 'stopped', leads: false, silentSeconds: 80 },
      { ...line, instance: 'c\nd', state: 'silent', leads: false, silentSeconds: 70, memoryBytes: null },
    ],
    ready: { ingest: { redis: 'ok' }, writer: { lease: 'ok: this writer leads' } },
    queue: { messages: 0, oldestSeconds: 0 },
    ledger: null,
    deadLetters: {
      corrupt_envelope: 1,
      unstorable_message: 2,
      conflicting_duplicate: 19,
      unmapped_delivery: 0,
    },
    textIndexLagMessages: 0,
    perSecond: null,
  });
  assert.deepEqual(screen.slice(1, 7), [
    'processes    writer  up, leads           1m 30s     1 MB  a',
    '             writer  stopped             1m 30s     1 MB  b',
    '             writer  silent for 1m 10s   1m 30s           c\\u{a}d',
    'ready        ingest: redis ok',
    '             writer: lease ok: this writer leads',
    'queue        0 messages wait, the oldest for 0s',
  ]);
  assert.ok(
    screen.includes(
      'dead letters 22 in the dead-letter table: 3 could not be stored, 19 conflicting duplicates',
    ),
  );
});
