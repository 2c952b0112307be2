#!/usr/bin/env node
/** The `lyftr` command from a clone: sets up whatever is missing, then hands over to the built command. */
import { ensureRedisServer } from './packages.mjs';
import { build, ensureDependencies, requireNode } from './setup.mjs';

requireNode();
await ensureDependencies();
await build('cli', 'services/ingest', 'services/writer', 'services/query');
const [verb, ...options] = process.argv.slice(2);
const isHelp = options.includes('--help') || options.includes('-h');
if (verb === 'up' && !isHelp && process.env['REDIS_URL'] === undefined && !ensureRedisServer())
  process.exit(1);
await import('../cli/dist/main.js');
