/** The thread of `readers.ts`. Told `{origin, count}` it searches; told `stop` it says how often it did. */
// oxlint-disable unicorn/require-post-message-target-origin -- a thread's port has no origin, only a window has
import { parentPort, workerData } from 'node:worker_threads';
import { createDataset, type DatasetShape } from '../dataset/messages.js';
import { connectTo, RefusedError } from './ask.js';
import { createNeedles, type NeedleKind } from './needles.js';
import { pathOf } from './query.js';

const KINDS: readonly NeedleKind[] = ['phrase', 'rare', 'short', 'absent'];
/** The classes have stream 0. */
const STREAM = 1;

export interface ReadersData {
  shape: DatasetShape;
  /** Needles that were asked already. */
  asked: string[];
}
export interface ReadersReport {
  searches: number;
  /** Of these, how many were not answered 200. */
  refused: number;
}
export type ReadersOrder = { origin: string; count: number } | 'stop';

const { shape, asked } = workerData as ReadersData;
const needles = createNeedles(createDataset(shape), STREAM, asked);
let searches = 0;
let refused = 0;
let over = false;
let reading: Promise<unknown> = Promise.resolve();

/** Of a data set this size, there is always another phrase. */
function nextNeedle(): string {
  const kind = KINDS[searches++ % KINDS.length] as NeedleKind;
  return needles.next(kind) ?? (needles.next('phrase') as string);
}

async function read(origin: string): Promise<void> {
  const client = connectTo(origin);
  while (!over) {
    try {
      await client.ask(pathOf({ q: nextNeedle(), order: 'asc', offset: 0 }));
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      refused++;
    }
  }
  client.close();
}

async function stop(): Promise<void> {
  over = true;
  await reading;
  parentPort?.postMessage({ searches, refused } satisfies ReadersReport);
}

parentPort?.on('message', (order: ReadersOrder) => {
  if (order === 'stop') {
    void stop();
    return;
  }
  searches = 0;
  refused = 0;
  over = false;
  reading = Promise.all(Array.from({ length: order.count }, () => read(order.origin)));
});
parentPort?.postMessage('ready');
