/** `npm run soak`: sets up, then loads a whole Lyftr and breaks it in every way it has to survive. */
import { ensurePackages, ensureRedisServer, onPath } from './packages.mjs';
import { build, ensureDependencies, requireNode } from './setup.mjs';

requireNode();
await ensureDependencies();
await build();
if (!ensureRedisServer()) process.exit(1);
// clocks that jump; the report says so where it cannot be had
if (!onPath('faketime')) ensurePackages('faketime', 'The fault of jumping clocks');
await import('../test/dist/soak/main.js');
