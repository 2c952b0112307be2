/** Options that name a data set: `npm run dataset` makes it, and the search benchmark measures on it. */
import { join, resolve } from 'node:path';
import { numberOf } from './arguments.mjs';
import { ROOT } from './setup.mjs';

/** Ids stay distinct up to here. */
const MESSAGES_MAX = 2 ** 32 - 1;

export const DATASET_OPTIONS = {
  messages: { type: 'string', default: '1000000' },
  seed: { type: 'string', default: '1' },
  'data-dir': { type: 'string' },
};

export const DATASET_USAGE = `  --messages N      messages of the data set (1000000)
  --seed N          seed from which they are made (1)
  --data-dir DIR    folder of the data set (data/dataset-MESSAGES-SEED)
`;

/** A `DatasetPlace`. */
export function datasetOf(values) {
  const messages = numberOf('messages', values, { min: 1, max: MESSAGES_MAX });
  const seed = numberOf('seed', values, { min: 1, max: MESSAGES_MAX });
  const folder = values['data-dir'];
  const dataDir = folder === undefined ? join(ROOT, `data/dataset-${messages}-${seed}`) : resolve(folder);
  return { messages, seed, dataDir };
}
