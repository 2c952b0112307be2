/** `npm run dataset`: sets up, then makes a data set for the search benchmark. */
import { ensureRedisServer } from './packages.mjs';
import { build, ensureDependencies, requireNode } from './setup.mjs';

requireNode();
await ensureDependencies();
await build();
if (!ensureRedisServer()) process.exit(1);
await import('../bench/dist/dataset/main.js');
