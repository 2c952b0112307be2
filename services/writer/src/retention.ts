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

export interface Retention {
  stop(): void;
}

export interface RetentionOptions {
  days: number;
  /** Removes up to `rowsMax` messages with `ts` before `beforeTs`; returns how many. */
  remove: (beforeTs: number, rowsMax: number) => number;
  log: Logger;
}

export function startRetention({ days, remove, log }: RetentionOptions): Retention {
  let timer: NodeJS.Timeout;
  let removed = 0;

  function step(): number {
    const beforeTs = Math.floor(Date.now() / 1_000) - days * DAY_SECONDS;
    try {
      const rows = remove(beforeTs, STEP_ROWS);
      removed += rows;
      if (rows === STEP_ROWS) return PAUSE_MS;
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
