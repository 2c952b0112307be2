/** Every benchmark, and a run of some of them, which writes results.md and results.json. `scripts/bench.mjs` has the options. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backlog } from './backlog.js';
import { batch } from './batch.js';
import { makeSingles, type Benchmark, type Context } from './context.js';
import type { DatasetPlace } from './dataset/messages.js';
import { grown } from './grown.js';
import { idle } from './idle.js';
import { fastPath, intake, scale } from './intake.js';
import { latency } from './latency.js';
import { profile } from './profile.js';
import { raw } from './raw.js';
import { writeResults, type Result } from './results.js';
import { schemes } from './schemes.js';
import { search } from './search.js';
import { settle, stored } from './stored.js';

/** In the order in which they run. */
export const allBenchmarks = (place: DatasetPlace): Benchmark[] => [
  intake,
  stored,
  settle,
  latency,
  batch,
  backlog,
  grown,
  scale,
  fastPath,
  schemes,
  raw,
  idle,
  profile,
  search(place),
];

export async function runBenchmarks(
  chosen: readonly Benchmark[],
  { rounds, seconds }: Pick<Context, 'rounds' | 'seconds'>,
): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'lyftr-bench-'));
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
  process.on('SIGINT', () => process.exit(130));

  const say = (line: string): void => console.log(`  ${line}`);
  console.log('making pre-signed requests');
  const context: Context = { dir, rounds, seconds, singles: makeSingles(dir), say };
  for (const benchmark of chosen) {
    const { name, title } = benchmark;
    console.log(`${name}: ${title}`);
    const result: Result = {
      name,
      title,
      at: new Date().toISOString(),
      rows: await benchmark.run(context),
    };
    for (const row of result.rows)
      say(`${row.figure}: ${row.ours.toFixed(2)}, ratio ${row.ratio?.toFixed(2) ?? 'none'}`);
    // after each one: a run that is interrupted keeps what it has measured
    writeResults([result]);
  }
}
