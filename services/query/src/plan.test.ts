import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fold } from '@lyftr/shared/fold';
import { pickPlan } from './plan.js';

const none = { from: undefined, to: undefined, since: undefined, until: undefined, needle: undefined };

test('a total comes from a kept figure when one fits the filter', () => {
  assert.equal(pickPlan(none).total, 'counter');
  assert.equal(pickPlan({ ...none, from: 'a' }).total, 'sender rollup');
  assert.equal(pickPlan({ ...none, since: 1 }).total, 'hour rollup');
  assert.equal(pickPlan({ ...none, until: 1 }).total, 'hour rollup');
  for (const more of [{ to: 'b' }, { needle: 'N' }]) {
    assert.equal(pickPlan({ ...none, ...more }).total, 'count');
    assert.equal(pickPlan({ ...none, from: 'a', ...more }).total, 'count');
    assert.equal(pickPlan({ ...none, since: 1, ...more }).total, 'count');
  }
  assert.equal(pickPlan({ ...none, from: 'a', since: 1 }).total, 'count');
});

test('the text index is asked from three code points of the folded needle on', () => {
  const text = (q: string) => pickPlan({ ...none, needle: fold(q) }).text;
  assert.equal(text('ab'), 'scan');
  assert.equal(text('abc'), 'index');
  assert.equal(text('😀😀'), 'scan');
  assert.equal(text('😀😀😀'), 'index');
  assert.equal(text('ßa'), 'index'); // folds to SSA
  assert.equal(pickPlan(none).text, 'any');
});

test('the index that is walked is that of the narrowest filter', () => {
  assert.equal(pickPlan(none).index, 'messages_by_time');
  assert.equal(pickPlan({ ...none, to: 'b' }).index, 'messages_by_recipient');
  assert.equal(pickPlan({ ...none, from: 'a', to: 'b', since: 1 }).index, 'messages_by_sender');
});
