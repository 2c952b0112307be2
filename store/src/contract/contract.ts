/** The test suite that every engine must pass. */
import { DELIVERY_READ_PARTS } from './delivery-read-parts.js';
import { DELIVERY_WRITE_PARTS } from './delivery-write-parts.js';
import { READ_PARTS } from './read-parts.js';
import { WRITE_PARTS } from './write-parts.js';

export const CONTRACT = { ...WRITE_PARTS, ...READ_PARTS, ...DELIVERY_WRITE_PARTS, ...DELIVERY_READ_PARTS };

export type Part = keyof typeof CONTRACT;
