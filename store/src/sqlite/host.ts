/** What the machine must offer before a database on it can be trusted. */
import { statfsSync } from 'node:fs';

/** Room for the largest WAL, a checkpoint, and a while in which somebody reads the alert. */
const FREE_BYTES_MIN = 512 * 1024 * 1024;
/** The program is younger than this: a clock before it is not set. */
const CLOCK_MIN = Date.UTC(2026, 0, 1);

/** `ok`, or what an operator has to change. */
export function hostState(dataDir: string, now = Date.now()): string {
  if (now < CLOCK_MIN) return `the clock is wrong (${new Date(now).toISOString()}): correct it`;
  const { bavail, bsize } = statfsSync(dataDir);
  const free = bavail * bsize;
  if (free >= FREE_BYTES_MIN) return 'ok';
  return `only ${Math.round(free / 2 ** 20)} MiB are free in DATA_DIR: free space until there are ${FREE_BYTES_MIN / 2 ** 20} MiB`;
}
