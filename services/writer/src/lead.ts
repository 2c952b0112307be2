/** What a writer does from the moment at which the lease is its own: open the database, consume, index. */
import type { Logger } from '@lyftr/shared/runtime/log';
import { openWriteStore, type StoreSettings } from '@lyftr/store/open';
import type { WriteStore } from '@lyftr/store/store';
import type { Redis } from 'ioredis';
import { startRounds } from '@lyftr/queue/rounds';
import { startEnding } from './ended.js';
import { createGroup } from './group.js';
import { startIndexer } from './indexer.js';
import type { Lease } from './lease.js';
import type { WriterMetrics } from './observe.js';
import { startRetention } from './retention.js';
import { createSettled, type Settled } from '@lyftr/queue/settled';
import { logStored } from './stored-log.js';

export interface Leader {
  readonly store: WriteStore;
  readonly settled: Settled;
  /** `ok`, or why nothing can be stored now. */
  databaseState(): string;
  /** `ok`, or why the queue is held. */
  queueState(): string;
  indexLag(): number;
  /** Jobs that were fetched and are not completed. */
  inHand(): number;
  /** Stores and completes what is in hand, and gives the lease up. */
  close(): Promise<void>;
}

export interface LeaderOptions {
  storeSettings: StoreSettings;
  instance: string;
  redis: Redis;
  lease: Lease;
  metrics: WriterMetrics;
  /** Messages older than this are removed; undefined keeps them for ever. */
  retentionDays: number | undefined;
  /** Called once when this writer has been replaced: it may store nothing more. */
  replaced: (error: Error) => void;
  /** Told of everything that Redis fails at. */
  trouble: (error: unknown) => void;
  log: Logger;
}

export async function lead(options: LeaderOptions): Promise<Leader> {
  const { storeSettings, instance, redis, lease, metrics, retentionDays, replaced, trouble, log } = options;
  const store = await openWriteStore(storeSettings, instance);
  const indexer = startIndexer(store, await store.indexLag(), log);
  const group = createGroup({
    commit: (batches) => store.commit(batches),
    committed(batches, committed) {
      logStored(log, batches, committed);
      metrics.committed(batches);
      indexer.notify(committed.outcomes.created);
    },
    failed: (messages) => metrics.failed(messages),
    fenced: replaced,
    log,
  });
  const retention =
    retentionDays === undefined ? undefined : startRetention({ days: retentionDays, store, log });
  const settled = createSettled(redis, instance);
  const rounds = startRounds({
    redis,
    instance,
    handle: (batches) => group.store(batches),
    settled,
    trouble,
    log,
  });
  const ending = startEnding({ redis, store, settled, instance }, log);
  void lease.lost.then((holder) => replaced(new Error(`the lease was taken by ${holder}`)));
  log.info({ instance }, 'storing messages');

  return {
    store,
    settled,
    databaseState: () => group.state(),
    queueState: () => rounds.state(),
    indexLag: () => indexer.lag(),
    inHand: () => rounds.inHand(),
    async close() {
      await rounds.close();
      await retention?.stop();
      await ending.stop();
      await indexer.stop();
      await store.close();
      await lease.release();
    },
  };
}
