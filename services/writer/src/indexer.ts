/** Extends the text index when the writer has no more urgent work. */
import type { Logger } from '@lyftr/shared/runtime/log';
import type { WriteStore } from '@lyftr/store/store';

/** Rows per transaction. Adapted between these limits so that a transaction takes about STEP_MS. */
const STEP_ROWS_MIN = 100;
const STEP_ROWS_MAX = 5_000;
const STEP_MS = 25;
/**
 * Indexing a row costs about twice as much as storing it. While more rows than this arrive between two checks, the
 * index waits.
 */
const BURST_ROWS = 500;
const LOOK_AGAIN_MS = 100;
/**
 * The index waits only up to this lag. A search scans the rows that are not indexed, about a second for a million
 * rows.
 */
const LAG_ROWS_MAX = 1_000_000;
const RETRY_MS = 1_000;

export interface Indexer {
  /** Call it when rows were added. */
  notify(rows: number): void;
  /** Number of rows that are not indexed yet. */
  lag(): number;
  /** Resolves when the current step is finished. */
  stop(): Promise<void>;
}

export function startIndexer(store: Pick<WriteStore, 'indexStep'>, lagAtStart: number, log: Logger): Indexer {
  let lag = lagAtStart;
  let stepRows = STEP_ROWS_MIN;
  let rowsSinceLook = 0;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let stepping: Promise<void> = Promise.resolve();

  function schedule(afterMs: number): void {
    if (!stopped) timer ??= setTimeout(look, afterMs);
  }

  function look(): void {
    timer = undefined;
    const isBurst = rowsSinceLook > BURST_ROWS;
    rowsSinceLook = 0;
    if (isBurst && lag < LAG_ROWS_MAX) schedule(LOOK_AGAIN_MS);
    else stepping = step();
  }

  async function step(): Promise<void> {
    const startedAt = performance.now();
    try {
      const rows = await store.indexStep(stepRows);
      lag = rows === 0 ? 0 : Math.max(0, lag - rows);
      stepRows = performance.now() - startedAt > STEP_MS ? stepRows / 2 : stepRows * 2;
      stepRows = Math.round(Math.min(Math.max(stepRows, STEP_ROWS_MIN), STEP_ROWS_MAX));
      if (rows > 0) schedule(1);
    } catch (error) {
      log.warn({ err: error }, 'could not extend the text index; searches scan the messages that it lacks');
      schedule(RETRY_MS);
    }
  }

  if (lag > 0) schedule(1);
  return {
    notify(rows) {
      if (rows === 0) return;
      lag += rows;
      rowsSinceLook += rows;
      // wait before the first check, to see whether a burst begins
      schedule(LOOK_AGAIN_MS);
    },
    lag: () => lag,
    stop() {
      stopped = true;
      clearTimeout(timer);
      return stepping;
    },
  };
}
