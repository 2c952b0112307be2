import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

/**
 * Names one life of one process; a restarted process is a new instance, and its counters start at zero. Host and pid
 * repeat in containers, so the rest has to be unique by itself: two lives of one name would take each other's batches.
 */
export function newInstanceId(): string {
  return `${hostname()}-${process.pid}-${randomBytes(8).toString('hex')}`;
}
