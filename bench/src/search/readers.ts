/**
 * Readers who search without pause for what nobody asked before. They have a thread of their own: in the thread that takes
 * the time, their answers would be what it waits for.
 */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { ReadersData, ReadersOrder, ReadersReport } from './readers-thread.js';

const WARM_UP_MS = 1_000;

export interface Readers {
  /** Runs `work` while `count` readers search. */
  during<T>(origin: string, count: number, work: () => Promise<T>): Promise<{ result: T } & ReadersReport>;
  close(): Promise<void>;
}

export async function startReaders(data: ReadersData): Promise<Readers> {
  const thread = new Worker(new URL('./readers-thread.js', import.meta.url), { workerData: data });
  await once(thread, 'message');
  // an error in the thread ends this process too: nothing listens for it
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin, only a window has
  const tell = (order: ReadersOrder): void => thread.postMessage(order);
  return {
    async during(origin, count, work) {
      tell({ origin, count });
      await delay(WARM_UP_MS);
      const result = await work();
      tell('stop');
      const [report] = (await once(thread, 'message')) as [ReadersReport];
      return { result, ...report };
    },
    async close() {
      await thread.terminate();
    },
  };
}
