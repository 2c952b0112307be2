/**
 * `npm run bench [-- NAME …] [--rounds N] [--seconds N]`: runs the benchmarks and writes results.md and results.json.
 * `--messages N --seed N --data-dir DIR` name the data set of `search`, as for `npm run dataset`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { backlog } from './backlog.js';
import { batch } from './batch.js';
import { makeSingles, type Benchmark, type Context } from './context.js';
import { datasetOf } from './dataset/options.js';
import { grown } from './grown.js';
import { idle } from './idle.js';
import { intake, scale } from './intake.js';
import { latency } from './latency.js';
import { profile } from './profile.js';
import { writeResults, type Result } from './results.js';
import { search } from './search.js';
import { settle, stored } from './stored.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '8' },
    messages: { type: 'string' },
    seed: { type: 'string' },
    'data-dir': { type: 'string' },
  },
});
const benchmarks: Benchmark[] = [
  intake,
  stored,
  settle,
  latency,
  batch,
  backlog,
  grown,
  scale,
  idle,
  profile,
  search(datasetOf(values)),
];
const chosen = benchmarks.filter(
  ({ name }) => positionals.length === 0 || positionals.some((word) => name.includes(word)),
);
const dir = mkdtempSync(join(tmpdir(), 'lyftr-bench-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
process.on('SIGINT', () => process.exit(130));

const say = (line: string): void => console.log(`  ${line}`);
console.log('making pre-signed requests');
const context: Context = {
  dir,
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  singles: makeSingles(dir),
  say,
};
for (const benchmark of chosen) {
  const { name, title } = benchmark;
  console.log(`${name}: ${title}`);
  const result: Result = { name, title, at: new Date().toISOString(), rows: await benchmark.run(context) };
  for (const row of result.rows)
    say(`${row.figure}: ${row.ours.toFixed(2)}, ratio ${row.ratio?.toFixed(2) ?? 'none'}`);
  // after each one: a run that is interrupted keeps what it has measured
  writeResults([result]);
}
