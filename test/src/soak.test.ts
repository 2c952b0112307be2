/** A short run of `npm run soak`: every kind of fault that needs no tool of the machine, under load. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe } from './soak/report.js';
import { soak } from './soak/soak.js';

test(
  'processes are killed, paused and ended, Redis cut off and filled, the database locked: nothing is lost',
  { timeout: 300_000 },
  async () => {
    const report = await soak({
      seconds: 0,
      seed: 7,
      rate: 2_000,
      faultMsMax: 1_200,
      withSpecial: false,
      say: () => {},
    });
    assert.ok(report.ok, describe(report));
    const missed = [...report.faults].filter(([, count]) => count === 0);
    assert.deepEqual(missed, [], 'kinds of fault that were not injected');
    assert.ok((report.traffic.statuses.get(0) ?? 0) > 0, 'no connection was lost: the kills proved nothing');
    assert.ok((report.traffic.statuses.get(503) ?? 0) > 0, 'nothing was refused: Redis was never away');
  },
);
