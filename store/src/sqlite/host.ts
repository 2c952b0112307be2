/** Requirements on the machine for a reliable database. */
import { statfsSync } from 'node:fs';

/** Space for the largest WAL and a checkpoint, and time for someone to read the alert. */
const FREE_BYTES_MIN = 512 * 1024 * 1024;
/** Older than this program. A clock before this time is not set. */
const CLOCK_MIN = Date.UTC(2026, 0, 1);

/** `ok`, or what the operator must change. */
export function hostState(dataDir: string, now = Date.now()): string {
  if (now < CLOCK_MIN) return `the clock is wrong (${new Date(now).toISOString()}): correct it`;
  const { bavail, bsize } = statfsSync(dataDir);
  const free = bavail * bsize;
  if (free >= FREE_BYTES_MIN) return 'ok';
  return `only ${Math.round(free / 2 ** 20)} MiB are free in DATA_DIR: free space until there are ${FREE_BYTES_MIN / 2 ** 20} MiB`;
}
