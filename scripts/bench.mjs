/** `npm run bench`: sets up, then runs the benchmarks. */
import { spawnSync } from 'node:child_process';
import { ensurePackages, ensureRedisServer, onPath } from './packages.mjs';
import { build, ensureDependencies, requireNode } from './setup.mjs';

requireNode();
await ensureDependencies();
await build();
if (!ensureRedisServer()) process.exit(1);
if (!onPath('wrk') && !ensurePackages('wrk', 'The load generator (https://github.com/wg/wrk)'))
  process.exit(1);
// one of the peers; its benchmark says so when it is not there
if (spawnSync('/usr/bin/python3', ['-c', 'import fastapi, uvicorn']).status !== 0)
  ensurePackages('fastapi', 'The peer in Python');
await import('../bench/dist/main.js');
