/** Removes messages that are older than RETENTION_DAYS, a few at a time, in between what has to be stored. */
import type { Logger } from '@lyftr/shared/runtime/log';
import { BUCKET_SECONDS, type WriteStore } from '@lyftr/store/store';

const DAY_SECONDS = BUCKET_SECONDS.day;

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
  /** Resolves when no step is under way. */
  stop(): Promise<void>;
}

export interface RetentionOptions {
  days: number;
  store: Pick<WriteStore, 'prune' | 'lastPrune' | 'notePrune'>;
  log: Logger;
}

/**
 * Says whether the clock may be trusted. `now` and `lastPrune` are epoch seconds, `uptimeMs` runs evenly.
 */
export function createClockGuard(): (
  now: number,
  lastPrune: number | undefined,
  uptimeMs: number,
) => boolean {
  let heldSinceMs: number | undefined;
  return (now, lastPrune, uptimeMs) => {
    const ahead = now - (lastPrune ?? now);
    if (ahead > CLOCK_JUMP_SECONDS) {
      heldSinceMs ??= uptimeMs;
      if (uptimeMs - heldSinceMs < CLOCK_HOLD_MS) return false;
    }
    heldSinceMs = undefined;
    return true;
  };
}

export function startRetention({ days, store, log }: RetentionOptions): Retention {
  const isTrusted = createClockGuard();
  let timer: NodeJS.Timeout;
  let stopped = false;
  let stepping: Promise<void> = Promise.resolve();
  let removed = 0;
  let isHeld = false;

  async function step(): Promise<number> {
    const now = Math.floor(Date.now() / 1_000);
    try {
      if (!isTrusted(now, await store.lastPrune(), performance.now())) {
        if (!isHeld)
          log.warn(
            { clock: new Date(now * 1_000).toISOString() },
            'the clock is more than a day ahead of the last look of retention; removing nothing for an hour',
          );
        isHeld = true;
        return LOOK_AGAIN_MS;
      }
      isHeld = false;
      const rows = await store.prune(now - days * DAY_SECONDS, STEP_ROWS);
      removed += rows;
      if (rows === STEP_ROWS) return PAUSE_MS;
      await store.notePrune(now);
      if (removed > 0) log.info({ messages: removed, days }, 'removed messages that were too old');
      removed = 0;
      return LOOK_AGAIN_MS;
    } catch (error) {
      log.warn({ err: error }, 'old messages could not be removed; trying again');
      return RETRY_MS;
    }
  }

  function schedule(afterMs: number): void {
    if (stopped) return;
    timer = setTimeout(() => {
      stepping = step().then(schedule);
    }, afterMs);
  }

  schedule(0);
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      return stepping;
    },
  };
}
