/** `npm run soak`: sets up, then loads a whole Lyftr and breaks it in every way it has to survive. */
import { ensureRedisServer, installPackages, onPath } from './packages.mjs';
import { build, ensureDependencies, requireNode } from './setup.mjs';

requireNode();
await ensureDependencies();
await build();
if (!ensureRedisServer()) process.exit(1);
// clocks that jump; the report says so where it cannot be had
if (!onPath('faketime')) installPackages('faketime');
await import('../test/dist/soak/main.js');
