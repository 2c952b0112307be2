/**
 * Searches take turns in a thread: each works for a few milliseconds, then the others do. A search is a generator that
 * yields when its turn is over, and is told then whether to go on.
 */
import { setImmediate } from 'node:timers/promises';
import type { Limit } from './snapshots.js';

export type Turns<T> = Generator<undefined, T, boolean>;

const TURN_MS = 20;

/** Milliseconds by a clock that all threads share, and that only goes forward. */
export const clockMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Runs `start` turn by turn, and has it end when the limit is over. */
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
