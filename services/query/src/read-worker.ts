/** What a thread of the pools runs: one read each, on its own connection. */
import { workerData } from 'piscina';
import { ProblemError, type FieldError, type ProblemCode } from '@lyftr/shared/errors';
import { COLUMNS, type Row } from './page.js';
import { readStats, type StatsQuery } from './read-stats.js';
import { readTimeline, type TimelineQuery } from './read-timeline.js';
import { search as runSearch, type SearchTask } from './search.js';
import { Store, TimeoutError, type Limit } from './store.js';

const store = new Store((workerData as { file: string }).file);

/** A problem does not cross threads as it is: a copied error has lost its class. */
export interface ThrownProblem {
  code: ProblemCode;
  message: string;
  errors: FieldError[] | undefined;
  retryAfterSeconds: number | undefined;
}

/** `timedOut`: the read was cut off, because its time was over or nobody wants it any more. */
export type Outcome<T> = { result: T } | { problem: ThrownProblem } | { timedOut: true };

/** When a read has to end: after so many milliseconds, or when the first element is no longer 0. */
export interface Bounds {
  timeoutMs: number;
  cancelled: Int32Array;
}

function limitOf({ timeoutMs, cancelled }: Bounds): Limit {
  const deadline = performance.now() + timeoutMs;
  return { isOver: () => performance.now() >= deadline || Atomics.load(cancelled, 0) !== 0 };
}

const BEGIN_MS_MAX = 5_000;

/** Ends when as many threads as that have begun to run this, each of them loaded; or when one does not come. */
export function begin({ started, threads }: { started: Int32Array; threads: number }): void {
  let count = Atomics.add(started, 0, 1) + 1;
  if (count === threads) Atomics.notify(started, 0);
  while (count < threads && Atomics.wait(started, 0, count, BEGIN_MS_MAX) !== 'timed-out') {
    count = Atomics.load(started, 0);
  }
}

function attempt<T>(read: () => T): Outcome<T> {
  try {
    return { result: read() };
  } catch (error) {
    if (error instanceof TimeoutError) return { timedOut: true };
    if (!(error instanceof ProblemError)) throw error;
    const { code, message, errors, retryAfterSeconds } = error;
    return { problem: { code, message, errors, retryAfterSeconds } };
  }
}

export const search = ({ task, bounds }: { task: SearchTask; bounds: Bounds }) =>
  attempt(() => runSearch(store, task, limitOf(bounds)));

export const message = ({ task: id }: { task: string }) =>
  attempt(() =>
    store.read(
      (reader) =>
        reader.get(`SELECT ${COLUMNS} FROM messages AS m WHERE m.message_id = @id`, { id }) as
          | Row
          | undefined,
    ),
  );

export const stats = ({ task, bounds }: { task: StatsQuery; bounds: Bounds }) =>
  attempt(() => store.read((reader) => readStats(reader, task), limitOf(bounds)));

export const timeline = ({ task, bounds }: { task: TimelineQuery; bounds: Bounds }) =>
  attempt(() => store.read((reader) => readTimeline(reader, task), limitOf(bounds)));
