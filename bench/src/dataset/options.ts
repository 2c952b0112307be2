import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DatasetShape } from './messages.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const MESSAGES_DEFAULT = 1_000_000;
/** Ids stay distinct up to here. */
const MESSAGES_MAX = 2 ** 32 - 1;

export interface DatasetPlace extends DatasetShape {
  /** Absolute. */
  dataDir: string;
}

export interface DatasetOptions {
  messages?: string | undefined;
  seed?: string | undefined;
  'data-dir'?: string | undefined;
}

function integer(name: string, value: string, max: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= 1 && number <= max) return number;
  throw new Error(`--${name} must be an integer from 1 to ${max}`);
}

/** Command line options with their defaults. A folder is named for what it holds. Throws when one is not usable. */
export function datasetOf(options: DatasetOptions): DatasetPlace {
  const messages = integer('messages', options.messages ?? String(MESSAGES_DEFAULT), MESSAGES_MAX);
  const seed = integer('seed', options.seed ?? '1', MESSAGES_MAX);
  const folder = options['data-dir'];
  return {
    messages,
    seed,
    dataDir: folder === undefined ? resolve(ROOT, `data/dataset-${messages}-${seed}`) : resolve(folder),
  };
}
