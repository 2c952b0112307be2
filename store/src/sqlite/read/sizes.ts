/** Reads the size of the database and the free space. */
import { statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Sizes } from '../../store.js';

/** `wal` is 0 without a write-ahead log. Undefined when the directory does not exist yet. */
export function readSizes(databaseFile: string): Sizes | undefined {
  const bytesOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  try {
    const { bavail, bsize } = statfsSync(dirname(databaseFile));
    return {
      parts: { main: bytesOf(databaseFile), wal: bytesOf(`${databaseFile}-wal`) },
      freeBytes: bavail * bsize,
    };
  } catch {
    return undefined;
  }
}
