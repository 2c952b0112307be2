import assert from 'node:assert/strict';
import { test } from 'node:test';
import { age, screenOf } from './status.js';

test('an age is its two largest units', () => {
  const ages = [0, 0.9, 59, 60, 3_599, 3_600, 86_399, 86_400 * 3 + 7_201].map(age);
  assert.deepEqual(ages, ['0s', '0s', '59s', '1m 0s', '59m 59s', '1h 0m', '23h 59m', '3d 2h']);
});

test('a screen says what is not known, and lets no control character through', () => {
  const lines = screenOf('http://h', {
    healthy: false,
    faults: ['\u001b[2J'],
    processes: [{ service: 'ingest', instance: 'a\nb', up: false, ageSeconds: null, memoryBytes: null }],
    ready: { ingest: {}, writer: null },
    queue: null,
    ledger: null,
    textIndexLagMessages: null,
    perSecond: null,
  });
  assert.deepEqual(lines, [
    'NOT HEALTHY http://h',
    'processes   ingest  down                    a\\u{a}b',
    'ready       ingest: unknown',
    'queue       unknown',
    'ledger      unknown',
    'missing     unknown',
    'text index  unknown',
    'per second  unknown',
    'FAULT       \\u{1b}[2J',
  ]);
});
