/**
 * Searches take turns in a thread: each works for a few milliseconds, then the others do. A search is a generator. It
 * yields at the end of its turn and is told whether to continue.
 */
import { setImmediate } from 'node:timers/promises';
import type { Limit } from './snapshots.js';

export type Turns<T> = Generator<undefined, T, boolean>;

const TURN_MS = 20;

/** Milliseconds of a monotonic clock that all threads share. */
export const clockMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Runs `start` turn by turn, and stops it at the time limit. */
export async function takeTurns<T>(start: (turn: Limit) => Turns<T>, limit: Limit): Promise<T> {
  let endsAt = performance.now() + TURN_MS;
  const turns = start({ isOver: () => performance.now() >= endsAt });
  let step = turns.next(true);
  while (step.done !== true) {
    await setImmediate();
    endsAt = performance.now() + TURN_MS;
    step = turns.next(!limit.isOver());
  }
  return step.value;
}
