/**
 * Runs reads of messages in threads with their own connections, so that the main thread stays free. One thread runs
 * quick reads, and one runs figures that are counted over many rows. Searches take turns in the other threads. One
 * core stays free.
 */
import { availableParallelism } from 'node:os';
import { LRUCache } from 'lru-cache';
import { Piscina } from 'piscina';
import { ProblemError } from '@lyftr/shared/errors';
import type { StoredDelivery } from '../../delivery.js';
import type { Bucket, SearchAnswer, Stats, StatsQuery, StoredMessage } from '../../store.js';
import { isBucketed, type Filter } from './conditions.js';
import type { DeliveriesPart, ThreadDelivery } from './deliveries.js';
import type { Page } from './page.js';
import type { Bounds, ThreadResult } from './thread.js';
import { sizeOf, type Remembered } from './remembered.js';
import type { SearchResult } from './search.js';
import type { TimelineTask } from './timeline.js';
import { clockMs } from './turns.js';

const SEARCH_THREADS_MAX = 4;
/** Maximum number of reads per thread. Another read is refused. */
const PENDING_MAX = 64;
/** Memory for the results of all searches. */
const REMEMBERED_BYTES_MAX = 64 * 2 ** 20;

export interface Reads {
  /** `signal` ends a read that is no longer needed. */
  search(filter: Filter, page: Page, signal?: AbortSignal): Promise<SearchAnswer>;
  message(id: string): Promise<StoredMessage | undefined>;
  delivery(messageId: string): Promise<StoredDelivery | undefined>;
  /** The sources of all messages. */
  sources(): Promise<string[]>;
  /** The numbers of the deliveries of these messages, in the order of the messages, as often as they occur. */
  deliveryNumbers(messageIds: readonly string[]): Promise<number[]>;
  /** The deliveries of the first `read` numbers. Their bodies end the part when they reach `bytesMax`. */
  deliveries(
    numbers: readonly number[],
    bytesMax: number,
  ): Promise<{ read: number; deliveries: StoredDelivery[] }>;
  stats(query: StatsQuery, signal?: AbortSignal): Promise<Stats>;
  timeline(query: TimelineTask, signal?: AbortSignal): Promise<Bucket[]>;
  close(): Promise<void>;
}

const timedOut = (timeoutMs: number, isKept: boolean) =>
  new ProblemError(
    'search-timeout',
    `The search took longer than ${timeoutMs} ms. ${isKept ? 'Its partial result is kept: try again, or narrow' : 'Narrow'} the search with from_, to, since or until.`,
    { retryAfterSeconds: 1 },
  );

const withBuffer = (delivery: ThreadDelivery): StoredDelivery => {
  const { buffer, byteOffset, byteLength } = delivery.body;
  return { ...delivery, body: Buffer.from(buffer, byteOffset, byteLength) };
};

interface Thread {
  pool: Piscina;
  pending: number;
}

/** Rejects with ProblemError: `search-timeout`, `too-busy`, or the problem of the read itself. */
export function createReads(file: string, timeoutMs: number): Reads {
  const begun: Promise<unknown>[] = [];
  function startThread(): Thread {
    const pool = new Piscina({
      filename: new URL('thread.js', import.meta.url).href,
      minThreads: 1,
      maxThreads: 1,
      concurrentTasksPerWorker: PENDING_MAX,
      workerData: { file },
    });
    begun.push(pool.run(undefined, { name: 'begin' }));
    return { pool, pending: 0 };
  }
  const quick = startThread();
  const figures = startThread();
  const searchers = Array.from(
    { length: Math.min(Math.max(availableParallelism() - 1, 1), SEARCH_THREADS_MAX) },
    startThread,
  );
  const leastBusy = (): Thread => searchers.toSorted((a, b) => a.pending - b.pending)[0] as Thread;
  const remembered = new LRUCache<string, Remembered>({
    maxSize: REMEMBERED_BYTES_MAX,
    sizeCalculation: (value, key) => sizeOf(value) + 2 * key.length,
  });

  /** Resolves with undefined when the time limit was reached. */
  async function run<T>(
    thread: Thread,
    name: string,
    task: unknown,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    if (thread.pending >= PENDING_MAX) {
      throw new ProblemError('too-busy', `${PENDING_MAX} reads are already waiting.`, {
        retryAfterSeconds: 1,
      });
    }
    thread.pending++;
    const cancelled = new Int32Array(new SharedArrayBuffer(4));
    const cancel = (): void => void Atomics.store(cancelled, 0, 1);
    signal?.addEventListener('abort', cancel);
    if (signal?.aborted === true) cancel();
    try {
      const bounds: Bounds = { endsAt: clockMs() + timeoutMs, cancelled };
      const outcome = (await thread.pool.run({ task, bounds }, { name })) as ThreadResult<T>;
      if ('result' in outcome) return outcome.result;
      if ('timedOut' in outcome) return undefined;
      const { code, message, errors, retryAfterSeconds } = outcome.problem;
      throw new ProblemError(code, message, {
        ...(errors === undefined ? {} : { errors }),
        ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      });
    } finally {
      thread.pending--;
      signal?.removeEventListener('abort', cancel);
    }
  }

  return {
    async search(filter, page, signal) {
      const key = JSON.stringify(filter);
      // what has no buckets is counted row by row
      const thread = filter.needle === undefined && isBucketed(filter) ? quick : leastBusy();
      const task = { filter, page, remembered: remembered.get(key) };
      const result = await run<SearchResult>(thread, 'search', task, signal);
      if (result === undefined) throw timedOut(timeoutMs, false);
      if (result.remembered !== undefined) remembered.set(key, result.remembered);
      if (result.found === undefined) throw timedOut(timeoutMs, result.remembered !== undefined);
      return result.found;
    },
    message: (id) => run<StoredMessage>(quick, 'message', id),
    async delivery(messageId) {
      const delivery = await run<ThreadDelivery>(quick, 'delivery', messageId);
      return delivery && withBuffer(delivery);
    },
    sources: async () => (await run<string[]>(quick, 'sources', undefined)) ?? [],
    deliveryNumbers: async (ids) => (await run<number[]>(leastBusy(), 'deliveryNumbers', ids)) ?? [],
    async deliveries(numbers, bytesMax) {
      const task = { numbers, bytesMax };
      const part = await run<DeliveriesPart>(leastBusy(), 'deliveries', task);
      const { read, deliveries } = part as DeliveriesPart;
      return { read, deliveries: deliveries.map(withBuffer) };
    },
    async stats(query, signal) {
      const isTimed = query.since !== undefined || query.until !== undefined;
      const answer = await run<Stats>(isTimed ? figures : quick, 'stats', query, signal);
      if (answer === undefined) throw timedOut(timeoutMs, false);
      return answer;
    },
    async timeline(query, signal) {
      const answer = await run<Bucket[]>(figures, 'timeline', query, signal);
      if (answer === undefined) throw timedOut(timeoutMs, false);
      return answer;
    },
    async close() {
      // terminating a thread while it loads SQLite would crash the process
      await Promise.allSettled(begun);
      await Promise.all([quick, figures, ...searchers].map(({ pool }) => pool.destroy()));
    },
  };
}
