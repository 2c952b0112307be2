import { itemsIn, type Batch } from '@lyftr/shared/batch';
import { counter, gauge, histogram } from '@lyftr/shared/runtime/metrics';
import { CONFLICTING_DUPLICATE, OUTCOMES, type Outcomes } from '@lyftr/shared/outcomes';
import { Registry } from 'prom-client';

export interface WriterMetrics {
  committed(batches: readonly Batch[]): void;
  failed(messages: number): void;
  /** The figures of this process, and of a leading writer also the persisted counters. */
  families(persisted: { outcomes: Outcomes; indexLag: number } | undefined): Promise<unknown[][]>;
}

function persistedRegistry({ outcomes, indexLag }: { outcomes: Outcomes; indexLag: number }): Registry {
  const page = new Registry();
  const deliveries = counter(page, 'webhook_total');
  for (const status of OUTCOMES) deliveries.inc({ status }, outcomes[status]);
  const rows = counter(page, 'db_write_total');
  rows.inc({ result: 'success' }, outcomes.created);
  rows.inc({ result: 'duplicate' }, outcomes.duplicate);
  counter(page, 'conflicting_duplicate_total').inc(outcomes[CONFLICTING_DUPLICATE]);
  gauge(page, 'index_lag_messages').set(indexLag);
  return page;
}

/**
 * The published figures are those of this process only. Query reads the persisted counters from the database, in the
 * same snapshot as the rows.
 */
export function createWriterMetrics(registry: Registry): WriterMetrics {
  const storeLag = histogram(registry, 'store_lag_seconds');
  const batchMessages = histogram(registry, 'writer_batch_messages');
  const writes = counter(registry, 'db_write_total');
  writes.inc({ result: 'error' }, 0);

  return {
    committed(batches) {
      const now = Date.now();
      let messages = 0;
      for (const batch of batches) {
        messages += itemsIn(batch);
        if (!('corrupt' in batch)) storeLag.observe(Math.max(0, now - batch.at) / 1_000);
      }
      batchMessages.observe(messages);
    },
    failed(messages) {
      writes.inc({ result: 'error' }, messages);
    },
    async families(persisted) {
      const parts = [await registry.getMetricsAsJSON()];
      if (persisted !== undefined) parts.push(await persistedRegistry(persisted).getMetricsAsJSON());
      return parts;
    },
  };
}
