/** The code of a thread. Searches take turns, and every other read runs at once. */
import { workerData } from 'piscina';
import { ProblemError, type FieldError, type ProblemCode } from '@lyftr/shared/errors';
import type { StatsQuery, StoredMessage } from '../../store.js';
import { readDeliveries, readDelivery, readNumbers, readSources } from './deliveries.js';
import { COLUMNS } from './page.js';
import { readStats } from './stats.js';
import { readTimeline, type TimelineTask } from './timeline.js';
import { search as runSearch, type SearchTask } from './search.js';
import { Snapshots, TimeoutError, type Limit } from './snapshots.js';
import { clockMs, takeTurns } from './turns.js';

const snapshots = new Snapshots((workerData as { file: string }).file);

/** A problem in a form that can be sent to another thread. A copied error loses its class. */
export interface ThrownProblem {
  code: ProblemCode;
  message: string;
  errors: FieldError[] | undefined;
  retryAfterSeconds: number | undefined;
}

/** `timedOut`: the read was stopped, because it reached its time limit or is no longer needed. */
export type ThreadResult<T> = { result: T } | { problem: ThrownProblem } | { timedOut: true };

/** When a read must end: at that time of `clockMs`, or when the first element is no longer 0. */
export interface Bounds {
  endsAt: number;
  cancelled: Int32Array;
}

const limitOf = ({ endsAt, cancelled }: Bounds): Limit => ({
  isOver: () => clockMs() >= endsAt || Atomics.load(cancelled, 0) !== 0,
});

/** Returns when the thread is loaded. */
export const begin = (): void => {};

async function attempt<T>(read: () => T | Promise<T>): Promise<ThreadResult<T>> {
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
  attempt(() => takeTurns((turn) => runSearch(snapshots, task, turn), limitOf(bounds)));

export const message = ({ task: id }: { task: string }) =>
  attempt(() =>
    snapshots.read(
      (reader) =>
        reader.get(`SELECT ${COLUMNS} FROM messages AS m WHERE m.message_id = @id`, { id }) as
          | StoredMessage
          | undefined,
    ),
  );

export const delivery = ({ task: messageId }: { task: string }) =>
  attempt(() => snapshots.read((reader) => readDelivery(reader, messageId)));

export const sources = () => attempt(() => snapshots.read(readSources));

export const deliveryNumbers = ({ task: messageIds }: { task: string[] }) =>
  attempt(() => snapshots.read((reader) => readNumbers(reader, messageIds)));

export const deliveries = ({
  task: { numbers, bytesMax },
}: {
  task: { numbers: number[]; bytesMax: number };
}) => attempt(() => snapshots.read((reader) => readDeliveries(reader, numbers, bytesMax)));

export const stats = ({ task, bounds }: { task: StatsQuery; bounds: Bounds }) =>
  attempt(() => snapshots.read((reader) => readStats(reader, task), limitOf(bounds)));

export const timeline = ({ task, bounds }: { task: TimelineTask; bounds: Bounds }) =>
  attempt(() => snapshots.read((reader, format) => readTimeline(reader, task, format), limitOf(bounds)));
