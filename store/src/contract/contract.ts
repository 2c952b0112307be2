/** The test suite that every engine must pass. */
import { READ_PARTS } from './read-parts.js';
import { WRITE_PARTS } from './write-parts.js';

export const CONTRACT = { ...WRITE_PARTS, ...READ_PARTS };

export type Part = keyof typeof CONTRACT;
