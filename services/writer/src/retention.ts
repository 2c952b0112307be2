/** Removes messages older than RETENTION_DAYS, in small steps between the transactions that store messages. */
import type { Logger } from '@lyftr/shared/runtime/log';
import { BUCKET_SECONDS, type WriteStore } from '@lyftr/store/store';

const DAY_SECONDS = BUCKET_SECONDS.day;

/** Rows per transaction. A transaction takes a few milliseconds, so deliveries do not wait for it. */
const STEP_ROWS = 200;
/** Pause between two steps, in which the writer can store messages. */
const PAUSE_MS = 20;
/** Interval when there are no old messages. */
const LOOK_AGAIN_MS = 60_000;
const RETRY_MS = 5_000;
/**
 * A clock that advanced this much since the last run may be wrong, or Lyftr was not running. Removed messages cannot
 * be restored, so retention waits for CLOCK_HOLD_MS. That gives time to correct the clock.
 */
const CLOCK_JUMP_SECONDS = DAY_SECONDS;
const CLOCK_HOLD_MS = 60 * 60 * 1_000;

export interface Retention {
  /** Resolves when the current step is finished. */
  stop(): Promise<void>;
}

export interface RetentionOptions {
  days: number;
  store: Pick<WriteStore, 'prune' | 'lastPrune' | 'notePrune'>;
  log: Logger;
}

/**
 * Returns a function that tells whether the clock can be trusted. `now` and `lastPrune` are epoch seconds. `uptimeMs`
 * is monotonic.
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
            'the clock has moved forward by more than a day since the last retention run; removing nothing for an hour',
          );
        isHeld = true;
        return LOOK_AGAIN_MS;
      }
      isHeld = false;
      const rows = await store.prune(now - days * DAY_SECONDS, STEP_ROWS);
      removed += rows;
      // a step of large messages has fewer rows
      if (rows > 0) return PAUSE_MS;
      await store.notePrune(now);
      if (removed > 0) log.info({ messages: removed, days }, 'removed old messages');
      removed = 0;
      return LOOK_AGAIN_MS;
    } catch (error) {
      log.warn({ err: error }, 'could not remove old messages; trying again');
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
