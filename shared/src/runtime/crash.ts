/** Named points at which a test lets a process die as `kill -9` would: between two steps that no kill from outside hits. */

export const CRASH_POINTS = [
  /** ingest: a batch is about to be given to Redis. */
  'before-enqueue',
  /** ingest: Redis has acknowledged a batch, and none of its senders has an answer. */
  'after-acknowledgement',
  /** writer: every row of a group is written, and the transaction is open. */
  'before-commit',
  /** writer: a group is committed, and none of its jobs is completed. */
  'after-commit',
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

let armed: string | undefined;

/** Arms one point of this process; undefined disarms it. Called once, by a main function. */
export function armCrash(point: string | undefined): void {
  armed = point;
}

/** Ends the process with SIGKILL when the point is armed. Passed once per batch, so a comparison is all it costs. */
export function crashPoint(point: CrashPoint): void {
  if (armed === point) process.kill(process.pid, 'SIGKILL');
}
