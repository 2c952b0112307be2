/** What `npm run dataset` does: a data set for the search benchmark. */
import { progressBar } from './bar.js';
import { ensureDataset } from './load.js';
import type { DatasetPlace } from './messages.js';

/** Says on standard error why there is none, with exit code 1. */
export async function makeDataset({ dataDir, ...shape }: DatasetPlace): Promise<void> {
  try {
    const bar = progressBar(shape.messages);
    const startedAt = performance.now();
    const outcome = await ensureDataset(dataDir, shape, bar).finally(() => bar.stop());
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    console.log(`${dataDir}: ${shape.messages} messages of seed ${shape.seed}, ${outcome} (${seconds} s)`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
