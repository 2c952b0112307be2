import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

/**
 * The name of one life of one process. A restarted process is a new instance, and its counters start at zero. Host
 * names and pids repeat in containers, so the name has a random part: two lives with the same name would mix up their
 * batches.
 */
export function newInstanceId(): string {
  return `${hostname()}-${process.pid}-${randomBytes(8).toString('hex')}`;
}
