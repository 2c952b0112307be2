/**
 * Stores batches in transactions, with one fsync each. When the disk or the database fails, the writer holds the
 * batch and tries again without limit. A batch is never returned as failed.
 */
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { rateLimited, type Logger } from '@lyftr/shared/runtime/log';
import { inGroups, itemsIn, type Batch, type Numbers } from '@lyftr/shared/batch';
import { FencedError, type Committed } from '@lyftr/store/store';

const RETRY_DELAY_MS = 100;
const RETRY_DELAY_MAX_MS = 5_000;
/**
 * A transaction blocks the event loop: 4,000 messages take 0.1 to 0.2 s. A writer that freezes inside a transaction
 * keeps the database locked.
 */
const TRANSACTION_MESSAGES_MAX = 4_000;

export interface Group {
  /** Resolves with the settled messages when every batch is on disk. Never rejects. */
  store(batches: readonly Batch[]): Promise<Numbers[]>;
  /** `ok`, or why the writer cannot store messages now. */
  state(): string;
}

export interface GroupOptions {
  commit: (batches: readonly Batch[]) => Promise<Committed>;
  /** Called after every commit. */
  committed: (batches: readonly Batch[], committed: Committed) => void;
  /** Called for every failed attempt, with the number of its messages. */
  failed: (messages: number) => void;
  /**
   * Called when another writer has taken over. That writer stores the group, and the promise of `store` stays
   * pending.
   */
  fenced: (error: FencedError) => void;
  log: Logger;
}

export function createGroup({ commit, committed, failed, fenced, log }: GroupOptions): Group {
  let state = 'ok';
  const logFailure = rateLimited(60_000, (suppressed, err: unknown) => {
    log.error({ err, suppressed }, 'could not store the messages; holding them and trying again');
  });

  async function storeGroup(batches: readonly Batch[]): Promise<Numbers[]> {
    for (let retryMs = RETRY_DELAY_MS; ; retryMs = Math.min(retryMs * 2, RETRY_DELAY_MAX_MS)) {
      try {
        const done = await commit(batches);
        if (state !== 'ok') log.info('the database accepts messages again');
        state = 'ok';
        committed(batches, done);
        return done.settled;
      } catch (error) {
        if (error instanceof FencedError) {
          fenced(error);
          await new Promise<never>(() => {});
        }
        state = (error as Error).message;
        failed(batches.reduce((sum, batch) => sum + itemsIn(batch), 0));
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
        // let the event loop answer requests between two transactions
        if (!isFirst) await turn();
        isFirst = false;
        settled.push(...(await storeGroup(group)));
      }
      return settled;
    },
    state: () => state,
  };
}
