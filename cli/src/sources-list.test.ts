import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sourcesTable } from './sources-list.js';

const NOW_MS = Date.UTC(2026, 10, 25, 12);
const ago = (seconds: number): string => new Date(NOW_MS - seconds * 1_000).toISOString();

test('a source is a line with the use of its keys, and a fault of the file is a line', () => {
  const keys = [
    { id: 'new', retired: false, used: 1, last_used_at: ago(5), safe_to_retire: false },
    { id: 'old', retired: false, used: 1, last_used_at: ago(100 * 3_600), safe_to_retire: true },
    { id: 'older', retired: true, used: 1, last_used_at: ago(90 * 86_400), safe_to_retire: true },
    { id: 'spare', retired: false, used: 1, last_used_at: null, safe_to_retire: false },
  ];
  const shop = {
    id_signed: false,
    name: 'shop',
    scheme: 'shopify',
    mapping: 'shopify',
    accepted: 12_345,
    rejected: 2,
  };
  const desk = {
    id_signed: true,
    name: 'desk',
    scheme: 'generic',
    mapping: { jsonata: '1' },
    accepted: 0,
    rejected: 0,
  };
  const answer = {
    data: [
      { ...shop, last_accepted_at: ago(5), keys },
      { ...desk, last_accepted_at: null, keys: [] },
      { ...desk, name: 'own', scheme: 'lyftr', mapping: null, last_accepted_at: null, keys: [] },
    ],
    loaded_at: ago(60),
    faults: ['/sources/0: is\u001b[2Jwrong'],
  };
  assert.deepEqual(sourcesTable(answer, NOW_MS), [
    'name  scheme   mapping   accepted  rejected  last    keys',
    'shop  shopify  shopify      12345         2  5s ago  new (used 5s ago), old (used 4d 4h ago, safe to retire), older (retired, used 90d 0h ago), spare (never used)',
    'desk  generic  jsonata          0         0  never',
    'own   lyftr    messages         0         0  never',
    'FAULT  /sources/0: is\\u{1b}[2Jwrong',
  ]);
});

test('a system without sources says so', () => {
  assert.deepEqual(sourcesTable({ data: [], loaded_at: ago(1), faults: [] }, NOW_MS), ['no sources']);
});
