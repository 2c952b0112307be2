/**
 * Stores batches in transactions, each with its one fsync. A batch leaves here only by being stored: when the disk or
 * the database fails, it is held and tried again, for as long as it takes. No batch is ever given back as failed.
 */
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { rateLimited, type Logger } from '@lyftr/shared/runtime/log';
import { inGroups, messagesIn, type Batch, type Numbers } from '@lyftr/shared/batch';
import { FencedError, type Committed } from '@lyftr/store/store';

const RETRY_DELAY_MS = 100;
const RETRY_DELAY_MAX_MS = 5_000;
/**
 * A transaction blocks the event loop: 4,000 messages take 0.1 to 0.2 s. Nothing else is answered meanwhile, and a
 * writer that is frozen inside one keeps the database locked.
 */
const TRANSACTION_MESSAGES_MAX = 4_000;

export interface Group {
  /** Resolves with the messages that are settled, when every batch is on disk. Never rejects. */
  store(batches: readonly Batch[]): Promise<Numbers[]>;
  /** `ok`, or why nothing can be stored now. */
  state(): string;
}

export interface GroupOptions {
  commit: (batches: readonly Batch[]) => Promise<Committed>;
  /** Called after every commit, with what was committed. */
  committed: (batches: readonly Batch[], committed: Committed) => void;
  /** Called for every attempt that failed, with the number of messages in it. */
  failed: (messages: number) => void;
  /** Called when another writer has taken over. The group is that writer's now, and its promise stays pending. */
  fenced: (error: FencedError) => void;
  log: Logger;
}

export function createGroup({ commit, committed, failed, fenced, log }: GroupOptions): Group {
  let state = 'ok';
  const logFailure = rateLimited(60_000, (suppressed, err: unknown) => {
    log.error({ err, suppressed }, 'the database does not take the messages; holding them and trying again');
  });

  async function storeGroup(batches: readonly Batch[]): Promise<Numbers[]> {
    for (let retryMs = RETRY_DELAY_MS; ; retryMs = Math.min(retryMs * 2, RETRY_DELAY_MAX_MS)) {
      try {
        const done = await commit(batches);
        if (state !== 'ok') log.info('the database takes messages again');
        state = 'ok';
        committed(batches, done);
        return done.settled;
      } catch (error) {
        if (error instanceof FencedError) {
          fenced(error);
          await new Promise<never>(() => {});
        }
        state = (error as Error).message;
        failed(batches.reduce((sum, batch) => sum + messagesIn(batch), 0));
        logFailure(error);
        await delay(retryMs);
      }
    }
  }

  return {
    async store(batches) {
      const settled: Numbers[] = [];
      let isFirst = true;
      for (const group of inGroups(batches, TRANSACTION_MESSAGES_MAX)) {
        // requests are answered between two transactions
        if (!isFirst) await turn();
        isFirst = false;
        settled.push(...(await storeGroup(group)));
      }
      return settled;
    },
    state: () => state,
  };
}
