import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProcessState } from '@lyftr/shared/sample';
import { withState, type Figures } from './state.js';

const LETTERS = {
  corrupt_envelope: 0,
  unstorable_message: 0,
  conflicting_duplicate: 0,
  unmapped_delivery: 0,
};
const LEDGER = {
  created: 5,
  duplicate: 0,
  dead_letter: 0,
  fanout: 0,
  conflicting_duplicate: 0,
  written_off: 0,
  accepted: 5,
  unconfirmed: 0,
  waiting: 0,
  difference: 0,
  missing: 0,
};
const process = (service: string, rest: Partial<ProcessState> = {}): ProcessState => ({
  service,
  instance: service,
  pid: 1,
  state: 'up',
  leads: false,
  url: null,
  started_at: 0,
  seen_at: 60_000,
  memory_bytes: null,
  ...rest,
});
const WELL: Figures = {
  at: 60_000,
  redis: true,
  database: 'ok',
  ledger: LEDGER,
  dead_letters: LETTERS,
  index_lag_messages: 0,
  queue: { jobs: { waiting: 0, active: 0, delayed: 0, failed: 0, completed: 0 }, oldest_age_seconds: 0 },
  refused: {},
  store_lag: { seconds: 0, batches: 0 },
  processes: ['ingest', 'writer', 'query'].map((service) => process(service)),
};
const stateOf = (rest: Partial<Figures>) => {
  const { state, faults } = withState({ ...WELL, ...rest });
  return [state.level, state.title, faults.length];
};

test('a system without a fault is good, or busy, and says why', () => {
  assert.deepEqual(stateOf({}), ['good', 'all stored', 0]);
  assert.deepEqual(stateOf({ ledger: { ...LEDGER, waiting: 7 } }), ['busy', '7 waiting', 0]);
  // what is in the dead-letter table is not called stored, a conflicting duplicate neither
  for (const kind of Object.keys(LETTERS))
    assert.deepEqual(stateOf({ dead_letters: { ...LETTERS, [kind]: 22 } }), ['busy', '22 dead letters', 0]);
  const { state } = withState({ ...WELL, ledger: { ...LEDGER, written_off: 3 } });
  assert.match(state.detail, /except 3 messages that an operator wrote off/);
});

test('every fault is named, the worst as the state', () => {
  assert.deepEqual(stateOf({ redis: false, processes: null, ledger: null }), [
    'bad',
    'Redis not responding',
    1,
  ]);
  assert.deepEqual(stateOf({ database: 'is not there', ledger: null }), ['bad', 'database not readable', 1]);
  assert.deepEqual(stateOf({ ledger: { ...LEDGER, missing: 2, difference: 2 } }), [
    'bad',
    '2 messages missing',
    1,
  ]);
  assert.deepEqual(stateOf({ ledger: { ...LEDGER, difference: -1 } }), ['bad', 'ledger out of balance', 1]);
  assert.deepEqual(stateOf({ processes: [] }), ['bad', 'no writer', 3]);
  const { faults } = withState({
    ...WELL,
    processes: [
      process('ingest', { state: 'stopped' }),
      process('writer', { state: 'silent', seen_at: 48_000 }),
      process('query'),
    ],
  });
  assert.deepEqual(faults, [
    'No writer has published its figures for 12 s. It is dead, frozen or cut off from Redis.',
    'Every ingest is stopped.',
  ]);
});
