/** Moves the text index up to the rows whenever the writer has nothing more urgent to do. */
import type { Logger } from '@lyftr/shared/runtime/log';
import type { WriteStore } from '@lyftr/store/store';

/** Rows of one transaction, adapted between the bounds so that it takes about STEP_MS. */
const STEP_ROWS_MIN = 100;
const STEP_ROWS_MAX = 5_000;
const STEP_MS = 25;
/**
 * Indexing a row costs about twice what storing it does. While more rows than this come in one look, storing them
 * comes first and the index waits.
 */
const BURST_ROWS = 500;
const LOOK_AGAIN_MS = 100;
/** It does not wait for ever: a search scans what is not indexed, and a scan of a million rows takes about a second. */
const LAG_ROWS_MAX = 1_000_000;
const RETRY_MS = 1_000;

export interface Indexer {
  /** Call when rows were added. */
  notify(rows: number): void;
  /** Rows that wait for the index. */
  lag(): number;
  /** Resolves when no step is under way. */
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
      log.warn({ err: error }, 'the text index could not be moved on; searches scan what it lacks');
      schedule(RETRY_MS);
    }
  }

  if (lag > 0) schedule(1);
  return {
    notify(rows) {
      if (rows === 0) return;
      lag += rows;
      rowsSinceLook += rows;
      // the first look is a while away, so that it sees whether a burst begins
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
