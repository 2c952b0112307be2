import type { Database } from 'better-sqlite3';
import { FencedError } from '../../store.js';

/**
 * Raises the epoch for `instance`. Returns the check that every write transaction must call: it throws FencedError
 * when another writer has raised the epoch again.
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
