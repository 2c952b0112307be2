/** `npm run dataset`: sets up, then makes a data set for the search benchmark. */
import { NO_INSTALL_USAGE, readArguments } from './arguments.mjs';
import { DATASET_OPTIONS, DATASET_USAGE, datasetOf } from './dataset-options.mjs';
import { ensureRedisServer } from './packages.mjs';
import { build, ensureDependencies, requireNode } from './setup.mjs';

const USAGE = `Usage: npm run dataset [-- options]

Makes a data set for the search benchmark, through a whole Lyftr. One that is there already is left as it is.

${DATASET_USAGE}${NO_INSTALL_USAGE}`;

requireNode();
const place = datasetOf(readArguments(USAGE, { options: DATASET_OPTIONS }).values);
await ensureDependencies();
await build();
if (!ensureRedisServer()) process.exit(1);
const { makeDataset } = await import('../bench/dist/dataset/main.js');
await makeDataset(place);
