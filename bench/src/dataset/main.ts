/** `npm run dataset -- --messages N --seed N --data-dir DIR`: a data set for the search benchmark. */
import { parseArgs } from 'node:util';
import { progressBar } from './bar.js';
import { ensureDataset } from './load.js';
import { datasetOf } from './options.js';

const { values } = parseArgs({
  options: {
    messages: { type: 'string' },
    seed: { type: 'string' },
    'data-dir': { type: 'string' },
  },
});
try {
  const { dataDir, ...shape } = datasetOf(values);
  const bar = progressBar(shape.messages);
  const startedAt = performance.now();
  const outcome = await ensureDataset(dataDir, shape, bar).finally(() => bar.stop());
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  console.log(`${dataDir}: ${shape.messages} messages of seed ${shape.seed}, ${outcome} (${seconds} s)`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
