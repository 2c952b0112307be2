/** The work of the leading writer: open the database, consume jobs, extend the text index. */
import type { Logger } from '@lyftr/shared/runtime/log';
import { openWriteStore, type StoreSettings } from '@lyftr/store/open';
import type { WriteStore } from '@lyftr/store/store';
import type { Redis } from 'ioredis';
import { startRounds } from '@lyftr/queue/rounds';
import { startEnding } from './ended.js';
import { createGroup } from './group.js';
import { startIndexer } from './indexer.js';
import { createMapper } from './mapping.js';
import type { Lease } from './lease.js';
import type { WriterMetrics } from './observe.js';
import { startRetention } from './retention.js';
import type { Sources } from '@lyftr/sources/current';
import { createSettled, type Settled } from '@lyftr/queue/settled';
import { logStored } from './stored-log.js';

export interface Leader {
  readonly store: WriteStore;
  readonly settled: Settled;
  /** `ok`, or why the writer cannot store messages now. */
  databaseState(): string;
  /** `ok`, or why the writer holds the queue. */
  queueState(): string;
  indexLag(): number;
  /** Number of jobs that are fetched and not completed. */
  inHand(): number;
  /** Stores and completes the fetched jobs and releases the lease. */
  close(): Promise<void>;
}

export interface LeaderOptions {
  storeSettings: StoreSettings;
  instance: string;
  redis: Redis;
  lease: Lease;
  metrics: WriterMetrics;
  /** As they are now. */
  sources: () => Sources;
  /** Messages older than this are removed. Undefined keeps all messages. */
  retentionDays: number | undefined;
  /** Called once when this writer was replaced. It must not store anything after that. */
  replaced: (error: Error) => void;
  /** Called for every error of Redis. */
  trouble: (error: unknown) => void;
  log: Logger;
}

export async function lead(options: LeaderOptions): Promise<Leader> {
  const { storeSettings, instance, redis, lease, metrics, sources, retentionDays, replaced, trouble, log } =
    options;
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
  const mapper = createMapper(sources, log);
  const rounds = startRounds({
    redis,
    instance,
    handle: async (batches) => group.store(await mapper.map(batches)),
    settled,
    trouble,
    log,
  });
  const ending = startEnding({ redis, store, settled, instance }, log);
  void lease.lost.then((holder) => replaced(new Error(`the lease was taken over by ${holder}`)));
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
      await mapper.close();
      await retention?.stop();
      await ending.stop();
      await indexer.stop();
      await store.close();
      await lease.release();
    },
  };
}
