/** Files that are there whole, or not at all. They hold private messages, so only their owner may read them. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { exitWhenInterrupted } from './exit.js';

export interface NewFile {
  /** Where to write meanwhile: an empty file beside the real one. */
  readonly partial: string;
  /** Brings it under its name, after everything in it is on the disk. */
  commit(): void;
  /** Removes what was written. Does nothing after `commit`. */
  discard(): void;
}

function requireFree(file: string, force: boolean): void {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isFile()) throw new Error(`${file} is no regular file`);
  if (!force) throw new Error(`${file} is there already: --force replaces it`);
}

function syncPath(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Begins a file that is not there, or with `force` is replaced. Throws when it is there, or cannot be made. A process
 * that ends before `commit`, by Ctrl-C as well, leaves nothing behind.
 */
export function beginFile(path: string, force: boolean): NewFile {
  const file = resolve(path);
  requireFree(file, force);
  const partial = `${file}.partial-${process.pid}`;
  closeSync(openSync(partial, 'wx', 0o600));
  const undo = exitWhenInterrupted();
  const discard = (): void => {
    process.off('exit', discard);
    undo();
    for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(`${partial}${suffix}`, { force: true });
  };
  process.on('exit', discard);
  return {
    partial,
    discard,
    commit() {
      syncPath(partial);
      requireFree(file, force);
      renameSync(partial, file);
      // without this a power cut may take the name away again
      syncPath(dirname(file));
      discard();
    },
  };
}
