/** `npm run soak`: sets up, then loads a whole Lyftr and breaks it in every way it has to survive. */
import { randomInt } from 'node:crypto';
import { NO_INSTALL_USAGE, numberOf, readArguments } from './arguments.mjs';
import { ensurePackages, ensureRedisServer, onPath } from './packages.mjs';
import { build, ensureDependencies, requireNode } from './setup.mjs';

const USAGE = `Usage: npm run soak [-- options]

Sends messages while it injects faults, and then checks that nothing is lost. Exit code 0 when everything is right.

  --minutes N       how long faults are injected (3)
  --seed N          seed of the faults (random)
  --rate N          requests a second (2000)
${NO_INSTALL_USAGE}`;

requireNode();
const { values } = readArguments(USAGE, {
  options: {
    minutes: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(randomInt(2 ** 32)) },
    rate: { type: 'string', default: '2000' },
  },
});
const options = {
  minutes: numberOf('minutes', values, { min: 0.1, isWhole: false }),
  seed: numberOf('seed', values, { min: 0, max: 2 ** 32 - 1 }),
  rate: numberOf('rate', values, { min: 1 }),
};
await ensureDependencies();
await build();
if (!ensureRedisServer()) process.exit(1);
// clocks that jump; the report says so where it cannot be had
if (!onPath('faketime')) ensurePackages('faketime', 'The fault of jumping clocks');
const { runSoak } = await import('../test/dist/soak/main.js');
await runSoak(options);
