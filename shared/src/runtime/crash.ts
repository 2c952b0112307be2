/**
 * Named points at which a test can kill a process as `kill -9` would. They lie between two steps, where a kill from
 * outside cannot be timed.
 */

export const CRASH_POINTS = [
  /** ingest: before a batch is sent to Redis. */
  'before-enqueue',
  /** ingest: after Redis acknowledged a batch, before any sender is answered. */
  'after-acknowledgement',
  /** writer: all rows of a group are written, and the transaction is still open. */
  'before-commit',
  /** writer: a group is committed, and none of its jobs is completed yet. */
  'after-commit',
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

let armed: string | undefined;

/** Arms one point in this process. Undefined disarms. Called once by a main function. */
export function armCrash(point: string | undefined): void {
  armed = point;
}

/** Kills the process with SIGKILL when the point is armed. Called once per batch; it costs one comparison. */
export function crashPoint(point: CrashPoint): void {
  if (armed === point) process.kill(process.pid, 'SIGKILL');
}
