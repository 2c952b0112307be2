/** What a writer does from the moment at which the lease is its own: open the database, consume, index. */
import { databaseFile } from '@lyftr/shared/database';
import type { Logger } from '@lyftr/shared/log';
import type { Redis } from 'ioredis';
import { startConsumer } from './consume.js';
import { startEnding } from './ended.js';
import { createGroup } from './group.js';
import { startIndexer } from './indexer.js';
import type { Lease } from './lease.js';
import type { WriterMetrics } from './observe.js';
import { startRetention } from './retention.js';
import { createSettled, type Settled } from './settled.js';
import type { PutAside } from './batch.js';
import { openStore, type Store } from './store.js';
import { logStored } from './stored-log.js';

export interface Leader {
  readonly store: Store;
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
  dataDir: string;
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

export function lead(options: LeaderOptions): Leader {
  const { dataDir, instance, redis, lease, metrics, retentionDays, replaced, trouble, log } = options;
  const store = openStore(databaseFile(dataDir), instance);
  const indexer = startIndexer(store.textIndex, log);
  let aside: PutAside[] = [];
  const group = createGroup({
    commit(batches) {
      aside = [];
      return store.commit(batches, (each) => aside.push(each));
    },
    committed(batches, outcomes) {
      logStored(log, batches, outcomes, aside);
      metrics.committed(batches);
      indexer.notify(outcomes.created);
    },
    failed: (messages) => metrics.failed(messages),
    fenced: replaced,
    log,
  });
  const retention =
    retentionDays === undefined
      ? undefined
      : startRetention({
          days: retentionDays,
          remove: (ts, rows) => store.removeOld(ts, rows),
          lastLook: store.lastLook,
          log,
        });
  const settled = createSettled(redis, instance);
  const consumer = startConsumer({
    redis,
    instance,
    store: (batches) => group.store(batches),
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
    queueState: () => consumer.state(),
    indexLag: () => indexer.lag(),
    inHand: () => consumer.inHand(),
    async close() {
      await consumer.close();
      retention?.stop();
      await ending.stop();
      indexer.stop();
      store.close();
      await lease.release();
    },
  };
}
