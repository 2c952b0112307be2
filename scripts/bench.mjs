/** `npm run bench`: sets up, then runs the benchmarks. */
import { spawnSync } from 'node:child_process';
import { NO_INSTALL_USAGE, numberOf, readArguments, refuse } from './arguments.mjs';
import { DATASET_OPTIONS, DATASET_USAGE, datasetOf } from './dataset-options.mjs';
import { ensurePackages, ensureRedisServer, onPath } from './packages.mjs';
import { build, ensureDependencies, requireNode } from './setup.mjs';

const USAGE = `Usage: npm run bench [-- [NAME…] [options]]

Runs the benchmarks and writes bench/results.md. With NAMEs, it runs those whose names contain one of them.

  --rounds N        measurements of each figure (5)
  --seconds N       length of one measurement (8)
${DATASET_USAGE}${NO_INSTALL_USAGE}`;

requireNode();
const { values, positionals: names } = readArguments(USAGE, {
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '8' },
    ...DATASET_OPTIONS,
  },
});
const rounds = numberOf('rounds', values, { min: 1 });
const seconds = numberOf('seconds', values, { min: 1 });
const place = datasetOf(values);

await ensureDependencies();
await build();
const { allBenchmarks, runBenchmarks } = await import('../bench/dist/main.js');
const all = allBenchmarks(place);
const chosen = all.filter(({ name }) => names.length === 0 || names.some((word) => name.includes(word)));
if (chosen.length === 0)
  refuse(`No benchmark has ${names.join(' or ')} in its name: ${all.map(({ name }) => name).join(', ')}`);

if (!ensureRedisServer()) process.exit(1);
if (!onPath('wrk') && !ensurePackages('wrk', 'The load generator (https://github.com/wg/wrk)'))
  process.exit(1);
// one of the peers; its benchmark says so when it is not there
if (spawnSync('/usr/bin/python3', ['-c', 'import fastapi, uvicorn']).status !== 0)
  ensurePackages('fastapi', 'The peer in Python');
await runBenchmarks(chosen, { rounds, seconds });
