/** What a thread runs. Searches take turns, everything else is done at once. */
import { workerData } from 'piscina';
import { ProblemError, type FieldError, type ProblemCode } from '@lyftr/shared/errors';
import { COLUMNS, type Row } from './page.js';
import { readStats, type StatsQuery } from './read-stats.js';
import { readTimeline, type TimelineQuery } from './read-timeline.js';
import { search as runSearch, type SearchTask } from './search.js';
import { Store, TimeoutError, type Limit } from './store.js';
import { clockMs, takeTurns } from './turns.js';

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

/** When a read has to end: at that time of `clockMs`, or when the first element is no longer 0. */
export interface Bounds {
  endsAt: number;
  cancelled: Int32Array;
}

const limitOf = ({ endsAt, cancelled }: Bounds): Limit => ({
  isOver: () => clockMs() >= endsAt || Atomics.load(cancelled, 0) !== 0,
});

/** Ends when the thread is loaded. */
export const begin = (): void => {};

async function attempt<T>(read: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { result: await read() };
  } catch (error) {
    if (error instanceof TimeoutError) return { timedOut: true };
    if (!(error instanceof ProblemError)) throw error;
    const { code, message, errors, retryAfterSeconds } = error;
    return { problem: { code, message, errors, retryAfterSeconds } };
  }
}

export const search = ({ task, bounds }: { task: SearchTask; bounds: Bounds }) =>
  attempt(() => takeTurns((turn) => runSearch(store, task, turn), limitOf(bounds)));

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
