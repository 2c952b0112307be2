import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FINISHED } from '@lyftr/shared/metrics';
import { balance, missingOfFinished } from './ledger.js';

const counts = fc.dictionary(fc.constantFrom('p1', 'p2', 'p3'), fc.nat(1_000));
const mapOf = (record: Record<string, number>) => new Map(Object.entries(record));

test('accepted is the sum of the outcomes and of what waits, however far the two stores are apart', () => {
  fc.assert(
    fc.property(counts, counts, fc.nat(100), fc.nat(100), (acceptedBy, settledBy, foreign, lost) => {
      const settled = mapOf(settledBy);
      const settledOrLost = [...settled.values()].reduce((sum, count) => sum + count, 0);
      const writtenOff = Math.min(lost, settledOrLost);
      const created = settledOrLost - writtenOff;
      const outcomes = { created, duplicate: 0, dead_letter: foreign };
      const { accepted, waiting } = balance(
        {
          outcomes,
          writtenOff,
          settled,
          conflictingDuplicates: 0,
          indexLagMessages: 0,
          deadLettersWaiting: 0,
        },
        mapOf(acceptedBy),
      );
      assert.equal(accepted, created + foreign + writtenOff + waiting);
      assert.ok(waiting >= 0);
      const producers = new Set([...Object.keys(acceptedBy), ...Object.keys(settledBy)]);
      const most = [...producers].map((name) => Math.max(acceptedBy[name] ?? 0, settledBy[name] ?? 0));
      assert.equal(
        accepted,
        most.reduce((sum, count) => sum + count, foreign),
      );
    }),
  );
});

test('what finished and is not in the database any more is told', () => {
  const accepted = new Map([
    [FINISHED, 10],
    ['p', 5],
  ]);
  assert.equal(missingOfFinished({ settled: new Map([[FINISHED, 7]]) }, accepted), 3);
  assert.equal(missingOfFinished({ settled: new Map([[FINISHED, 11]]) }, accepted), 0);
  assert.equal(missingOfFinished({ settled: new Map() }, new Map([['p', 5]])), 0);
});
