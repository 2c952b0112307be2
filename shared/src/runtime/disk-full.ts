/** The errors of a full disk, in the words of an operator. */

/** The system's names for it, a user's quota included, and SQLite's: the last is of the file beside the database that it maps. */
const CODES = new Set<unknown>(['ENOSPC', 'EDQUOT', 'SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE']);
/** What Redis prints of it. A short write to a file has no other cause that is usual. */
const LINES = /No space left on device|Disk quota exceeded|Short write/;

const isFull = (fault: unknown): boolean =>
  typeof fault === 'string' ? LINES.test(fault) : CODES.has((fault as { code?: unknown }).code);

/** What to say of an error, or of a line that Redis printed; undefined when the disk is not the reason. */
export function diskFull(fault: unknown, dataDir: string): string | undefined {
  return isFull(fault) ? `the disk of DATA_DIR (${dataDir}) is full: make room, then start again` : undefined;
}
