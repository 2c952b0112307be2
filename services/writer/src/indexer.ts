/** Moves the text index up to the rows whenever the writer has nothing more urgent to do. */
import type { Logger } from '@lyftr/shared/log';
import type { TextIndex } from './text-index.js';

/** Rows of one transaction, adapted between the bounds so that it takes about STEP_MS. */
const STEP_ROWS_MIN = 100;
const STEP_ROWS_MAX = 5_000;
const STEP_MS = 25;
/** While batches keep coming the index waits, until it lies this far behind: a search scans what is not indexed. */
const LAG_ROWS_MAX = 100_000;
const LOOK_AGAIN_MS = 50;
const RETRY_MS = 1_000;

export interface Indexer {
  /** Call when rows were added. */
  notify(rows: number): void;
  /** Rows that wait for the index. */
  lag(): number;
  stop(): void;
}

export function startIndexer(index: TextIndex, busy: () => boolean, log: Logger): Indexer {
  let lag = index.lag();
  let stepRows = STEP_ROWS_MIN;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  function schedule(afterMs: number): void {
    if (!stopped) timer ??= setTimeout(step, afterMs);
  }

  function step(): void {
    timer = undefined;
    if (busy() && lag < LAG_ROWS_MAX) {
      schedule(LOOK_AGAIN_MS);
      return;
    }
    const startedAt = performance.now();
    try {
      const rows = index.advance(stepRows);
      lag = rows === 0 ? 0 : Math.max(0, lag - rows);
      const elapsedMs = performance.now() - startedAt;
      stepRows = elapsedMs > STEP_MS ? stepRows / 2 : stepRows * 2;
      stepRows = Math.round(Math.min(Math.max(stepRows, STEP_ROWS_MIN), STEP_ROWS_MAX));
      if (rows > 0) schedule(1);
    } catch (error) {
      log.warn({ err: error }, 'the text index could not be moved on; searches scan what it lacks');
      schedule(RETRY_MS);
    }
  }

  if (lag > 0) schedule(0);
  return {
    notify(rows) {
      lag += rows;
      if (rows > 0) schedule(1);
    },
    lag: () => lag,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
