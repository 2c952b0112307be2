/** How much room the database takes, and how much is left for it: query mounts the directory that the writer fills. */
import { statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

export interface StorageReading {
  mainBytes: number;
  /** 0 when there is no write-ahead log. */
  walBytes: number;
  /** What is left for a process without privileges. */
  freeBytes: number;
}

/** Undefined when the directory is not there yet. */
export function readStorage(databaseFile: string): StorageReading | undefined {
  const bytesOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  try {
    const { bavail, bsize } = statfsSync(dirname(databaseFile));
    return {
      mainBytes: bytesOf(databaseFile),
      walBytes: bytesOf(`${databaseFile}-wal`),
      freeBytes: bavail * bsize,
    };
  } catch {
    return undefined;
  }
}
