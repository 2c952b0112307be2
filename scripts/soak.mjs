/** `npm run soak`: sets up, then loads a whole Lyftr and breaks it in every way it has to survive. */
import { ensureRedisServer } from './packages.mjs';
import { build, ensureDependencies, requireNode } from './setup.mjs';

requireNode();
await ensureDependencies();
await build();
if (!ensureRedisServer()) process.exit(1);
await import('../test/dist/soak/main.js');
