/** Removes messages that are older than RETENTION_DAYS, a few at a time, in between what has to be stored. */
import { DAY_SECONDS } from '@lyftr/shared/database';
import type { Logger } from '@lyftr/shared/log';

/** Rows of one transaction: few milliseconds, so that no delivery waits for it. */
const STEP_ROWS = 200;
/** Between two steps; the writer stores meanwhile. */
const PAUSE_MS = 20;
/** When nothing is old enough. */
const LOOK_AGAIN_MS = 60_000;
const RETRY_MS = 5_000;
/**
 * A clock that is this far ahead of the look before has jumped, or Lyftr was not running. What is removed because of a
 * wrong clock does not come back, so retention waits for CLOCK_HOLD_MS; a clock is set right sooner than that.
 */
const CLOCK_JUMP_SECONDS = DAY_SECONDS;
const CLOCK_HOLD_MS = 60 * 60 * 1_000;

export interface Retention {
  stop(): void;
}

/** Where it is kept when retention looked last, in epoch seconds. */
export interface LastLook {
  read(): number | undefined;
  write(seconds: number): void;
}

export interface RetentionOptions {
  days: number;
  /** Removes up to `rowsMax` messages with `ts` before `beforeTs`; returns how many. */
  remove: (beforeTs: number, rowsMax: number) => number;
  lastLook: LastLook;
  log: Logger;
}

/** Says whether the clock may be trusted. `now` is epoch seconds, `uptimeMs` runs evenly. */
export function createClockGuard(lastLook: LastLook): (now: number, uptimeMs: number) => boolean {
  let heldSinceMs: number | undefined;
  return (now, uptimeMs) => {
    const ahead = now - (lastLook.read() ?? now);
    if (ahead > CLOCK_JUMP_SECONDS) {
      heldSinceMs ??= uptimeMs;
      if (uptimeMs - heldSinceMs < CLOCK_HOLD_MS) return false;
    }
    heldSinceMs = undefined;
    return true;
  };
}

export function startRetention({ days, remove, lastLook, log }: RetentionOptions): Retention {
  const isTrusted = createClockGuard(lastLook);
  let timer: NodeJS.Timeout;
  let removed = 0;
  let isHeld = false;

  function step(): number {
    const now = Math.floor(Date.now() / 1_000);
    try {
      if (!isTrusted(now, performance.now())) {
        if (!isHeld)
          log.warn(
            { clock: new Date(now * 1_000).toISOString() },
            'the clock is more than a day ahead of the last look of retention; removing nothing for an hour',
          );
        isHeld = true;
        return LOOK_AGAIN_MS;
      }
      isHeld = false;
      const rows = remove(now - days * DAY_SECONDS, STEP_ROWS);
      removed += rows;
      if (rows === STEP_ROWS) return PAUSE_MS;
      lastLook.write(now);
      if (removed > 0) log.info({ messages: removed, days }, 'removed messages that were too old');
      removed = 0;
      return LOOK_AGAIN_MS;
    } catch (error) {
      log.warn({ err: error }, 'old messages could not be removed; trying again');
      return RETRY_MS;
    }
  }

  function schedule(afterMs: number): void {
    timer = setTimeout(() => schedule(step()), afterMs);
  }

  schedule(0);
  return {
    stop() {
      clearTimeout(timer);
    },
  };
}
