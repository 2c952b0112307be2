/**
 * Creates files that appear only when they are complete. They contain private messages, so only their owner may read
 * them.
 */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { exitWhenInterrupted } from './exit.js';

export interface NewFile {
  /** The path to write to until then: an empty file next to the final one. */
  readonly partial: string;
  /** Syncs the content to disk and renames the file to its final name. */
  commit(): void;
  /** Removes the incomplete file. Does nothing after `commit`. */
  discard(): void;
}

function requireFree(file: string, force: boolean): void {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isFile()) throw new Error(`${file} is not a regular file`);
  if (!force) throw new Error(`${file} already exists: use --force to replace it`);
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
 * Starts a new file, or with `force` a replacement. Throws when the file exists or cannot be created. A process that
 * ends before `commit`, for example by Ctrl-C, leaves no file.
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
      // without this, a power failure could undo the rename
      syncPath(dirname(file));
      discard();
    },
  };
}
