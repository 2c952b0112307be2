/**
 * Reads of messages run in threads, on connections of their own: the main thread stays free for everybody else. What is
 * quick by design has a thread that no search can keep waiting; searches have others, as many as leave one core free.
 */
import { availableParallelism } from 'node:os';
import { LRUCache } from 'lru-cache';
import { Piscina } from 'piscina';
import { ProblemError } from '@lyftr/shared/errors';
import type { Filter } from './filter.js';
import type { Remembered } from './matches.js';
import type { Page, Row } from './page.js';
import type { StatsAnswer, StatsQuery } from './read-stats.js';
import type { TimelineAnswer, TimelineQuery } from './read-timeline.js';
import type { Outcome } from './read-worker.js';
import type { SearchResult } from './search.js';

const SEARCH_THREADS_MAX = 4;
/** Reads that may wait for a thread of their pool; one more is refused. */
const WAITING_MAX = 64;
/** What is remembered of searches, altogether. */
const REMEMBERED_BYTES_MAX = 64 * 2 ** 20;
/** Of an entry, besides its hits and its key. */
const ENTRY_BYTES = 200;

export interface Reads {
  /** `signal` ends a read that nobody waits for any more. */
  search(filter: Filter, page: Page, signal?: AbortSignal): Promise<{ total: number; rows: Row[] }>;
  message(id: string): Promise<Row | undefined>;
  stats(query: StatsQuery, signal?: AbortSignal): Promise<StatsAnswer>;
  timeline(query: TimelineQuery, signal?: AbortSignal): Promise<TimelineAnswer>;
  close(): Promise<void>;
}

const timedOut = (timeoutMs: number, isKept: boolean) =>
  new ProblemError(
    'search-timeout',
    `The search took longer than ${timeoutMs} ms. ${isKept ? 'What it has counted is kept: ask again, or narrow' : 'Narrow'} it by from_, to, since or until.`,
    { retryAfterSeconds: 1 },
  );

/** Rejects with ProblemError: `search-timeout`, `too-busy`, and what the read itself throws. */
export function createReads(file: string, timeoutMs: number): Reads {
  const begun: Promise<unknown>[] = [];
  function pool(threads: number): Piscina {
    const made = new Piscina({
      filename: new URL('read-worker.js', import.meta.url).href,
      minThreads: threads,
      maxThreads: threads,
      workerData: { file },
    });
    const started = new Int32Array(new SharedArrayBuffer(4));
    for (let thread = 0; thread < threads; thread++) {
      begun.push(made.run({ started, threads }, { name: 'begin' }));
    }
    return made;
  }
  const quick = pool(1);
  const slow = pool(Math.min(Math.max(availableParallelism() - 1, 1), SEARCH_THREADS_MAX));
  const remembered = new LRUCache<string, Remembered>({
    maxSize: REMEMBERED_BYTES_MAX,
    sizeCalculation: ({ hits }, key) =>
      ENTRY_BYTES + 2 * key.length + (hits === undefined ? 0 : 2 * hits.seqs.byteLength),
  });

  /** `undefined` when the time was over. */
  async function run<T>(
    where: Piscina,
    name: string,
    task: unknown,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    if (where.queueSize >= WAITING_MAX) {
      throw new ProblemError('too-busy', `${WAITING_MAX} reads wait already.`, { retryAfterSeconds: 1 });
    }
    const cancelled = new Int32Array(new SharedArrayBuffer(4));
    const cancel = (): void => void Atomics.store(cancelled, 0, 1);
    signal?.addEventListener('abort', cancel);
    try {
      const bounds = { timeoutMs, cancelled };
      const outcome = (await where.run({ task, bounds }, { name })) as Outcome<T>;
      if ('result' in outcome) return outcome.result;
      if ('timedOut' in outcome) return undefined;
      const { code, message, errors, retryAfterSeconds } = outcome.problem;
      throw new ProblemError(code, message, {
        ...(errors === undefined ? {} : { errors }),
        ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      });
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  return {
    async search(filter, page, signal) {
      const key = JSON.stringify(filter);
      const where = filter.needle === undefined ? quick : slow;
      const task = { filter, page, remembered: remembered.get(key) };
      const result = await run<SearchResult>(where, 'search', task, signal);
      if (result === undefined) throw timedOut(timeoutMs, false);
      if (result.remembered !== undefined) remembered.set(key, result.remembered);
      if (result.found === undefined) throw timedOut(timeoutMs, true);
      return result.found;
    },
    message: (id) => run<Row>(quick, 'message', id),
    async stats(query, signal) {
      const isTimed = query.since !== undefined || query.until !== undefined;
      const answer = await run<StatsAnswer>(isTimed ? slow : quick, 'stats', query, signal);
      if (answer === undefined) throw timedOut(timeoutMs, false);
      return answer;
    },
    async timeline(query, signal) {
      const answer = await run<TimelineAnswer>(slow, 'timeline', query, signal);
      if (answer === undefined) throw timedOut(timeoutMs, false);
      return answer;
    },
    async close() {
      // a thread that is ended while it loads SQLite takes the process with it
      await Promise.allSettled(begun);
      await Promise.all([quick.destroy(), slow.destroy()]);
    },
  };
}
