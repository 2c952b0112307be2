import type { Database } from 'better-sqlite3';
import { FencedError } from '../../store.js';

/**
 * Raises the epoch in the name of `instance`, and returns the check that belongs inside every write transaction: it
 * throws FencedError once somebody else has raised it again.
 */
export function raiseFence(database: Database, instance: string): () => void {
  const epoch = database
    .prepare<[string], number>('UPDATE writer_epoch SET epoch = epoch + 1, instance = ? RETURNING epoch')
    .pluck()
    .get(instance) as number;
  const read = database.prepare<[], { epoch: number; instance: string }>(
    'SELECT epoch, instance FROM writer_epoch',
  );
  return () => {
    const current = read.get();
    if (current?.epoch !== epoch) throw new FencedError(epoch, current?.epoch ?? 0, current?.instance ?? '');
  };
}
