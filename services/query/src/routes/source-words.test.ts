/** What the console says about sources, keys and rejected deliveries, without a browser. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { DEAD_LETTER_KINDS } from '@lyftr/shared/outcomes';
import { NEAR_MISSES, REJECT_REASONS, type Reject } from '@lyftr/shared/sources';
import { PRESETS, SCHEME_NAMES } from '@lyftr/sources/source';
import { PUBLIC } from './assets.js';
import type { KeyAnswer } from '@lyftr/shared/sources';

const load = async (file: string): Promise<unknown> => import(pathToFileURL(join(PUBLIC, file)).href);

const { rejectWords } = (await load('reject-words.js')) as {
  rejectWords: (reject: Partial<Reject>) => { what: string; advice: string };
};
const { schemeWords, mappingWords, keyWords, idWords } = (await load('scheme-words.js')) as {
  schemeWords: (scheme: string) => Record<'where' | 'key' | 'signed', string>;
  mappingWords: (mapping: unknown) => string;
  keyWords: (key: KeyAnswer, keys: KeyAnswer[]) => string;
  idWords: (isSigned: boolean) => string;
};
const { KIND_NAMES } = (await load('letter-words.js')) as { KIND_NAMES: string[] };
const { ago } = (await load('format.js')) as { ago: (epochMs: number, now: number) => string };
const { sinceOf } = (await load('period.js')) as {
  sinceOf: (wanted: { last?: string; since?: string }, now: number) => string | undefined;
};

const isSentence = (text: string): boolean => /^[A-Z`].*\.$/s.test(text) && !text.includes('undefined');

test('every reason and every near miss has its own words', () => {
  const all = [
    ...REJECT_REASONS.map((reason) => rejectWords({ reason, near: null })),
    ...NEAR_MISSES.map((near) => rejectWords({ reason: 'wrong', near, seconds: 9, key: 'k' })),
  ];
  for (const { what, advice } of all) {
    assert.ok(isSentence(what), what);
    assert.ok(isSentence(advice), advice);
  }
  assert.equal(new Set(all.map(({ what }) => what)).size, all.length);
});

test('the words of a near miss say which key, and how far the clock is off', () => {
  const what = (reject: Partial<Reject>): string => rejectWords({ reason: 'wrong', ...reject }).what;
  assert.equal(what({ near: 'retired-key', key: '2025' }), 'The sender signs with the retired key 2025.');
  assert.match(what({ near: 'retired-key' }), /retired key\.$/);
  assert.match(what({ near: 'clock', seconds: 312 }), /its time is 312 s in the past\.$/);
  assert.match(what({ near: 'clock', seconds: -90 }), /its time is 90 s in the future\.$/);
  assert.ok(isSentence(what({ near: 'clock' })));
});

test('every scheme says where, which key and what is signed, and every mapping has a name', () => {
  for (const scheme of SCHEME_NAMES) {
    const { where, key, signed } = schemeWords(scheme);
    assert.ok(isSentence(where), scheme);
    assert.ok(isSentence(key), scheme);
    assert.match(signed, /^[a-z]/, scheme);
  }
  for (const mapping of [...PRESETS, null, { jsonata: '{}' }]) assert.notEqual(mappingWords(mapping), '');
  assert.notEqual(idWords(true), idWords(false));
});

test('every kind of dead letter can be chosen', () => {
  assert.deepEqual(KIND_NAMES.toSorted(), [...DEAD_LETTER_KINDS].toSorted());
});

test('the words of a key say what to do with it', () => {
  const key = (id: string, more: Partial<KeyAnswer> = {}): KeyAnswer => ({
    id,
    retired: false,
    used: 0,
    last_used_at: null,
    safe_to_retire: false,
    ...more,
  });
  const old = key('old', { last_used_at: '2026-11-01T00:00:00.000Z' });
  const current = key('new', { last_used_at: '2026-11-02T00:00:00.000Z' });
  assert.match(keyWords(key('a'), [key('a')]), /^Keep it: the only key\.$/);
  assert.match(keyWords(old, [old]), /^Keep it: the only key, and in use\.$/);
  assert.match(keyWords(old, [old, key('b', { retired: true })]), /the only key/);
  assert.match(keyWords(old, [old, current]), /^Not yet safe to retire/);
  assert.match(keyWords(current, [old, current]), /^Keep it: the newest delivery/);
  assert.match(keyWords({ ...old, safe_to_retire: true }, [old, current]), /^Safe to retire/);
  assert.match(keyWords(key('c'), [old, key('c')]), /^Not used yet/);
  assert.match(keyWords({ ...old, retired: true }, [old, current]), /^Retired/);
});

test('a time is as long ago as it is, and never in the future', () => {
  const now = Date.parse('2026-11-25T12:00:00Z');
  const passed = (seconds: number): string => ago(now - seconds * 1_000, now);
  assert.deepEqual([-60, 4, 5, 59, 60, 3_599, 3_600, 172_799, 172_800].map(passed), [
    'just now',
    'just now',
    '5 s ago',
    '59 s ago',
    '1 min ago',
    '59 min ago',
    '1 h ago',
    '47 h ago',
    '2 days ago',
  ]);
});

test('a period ends now, and a word that is none is not taken for one', () => {
  const now = Date.parse('2026-11-25T12:00:00.500Z');
  assert.equal(sinceOf({ last: '1h', since: 'ignored' }, now), '2026-11-25T11:00:00Z');
  assert.equal(sinceOf({ last: '24h' }, now), '2026-11-24T12:00:00Z');
  assert.equal(sinceOf({ last: '7d' }, now), '2026-11-18T12:00:00Z');
  assert.equal(sinceOf({ last: 'constructor', since: 'x' }, now), 'x');
  assert.equal(sinceOf({}, now), undefined);
});
