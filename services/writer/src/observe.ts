import { counter, gauge, histogram, type PublishedMetric } from '@lyftr/shared/metrics';
import { AggregatorRegistry, Registry } from 'prom-client';
import { messagesIn } from './group.js';
import type { Batch, Outcomes } from './store.js';

export interface WriterMetrics {
  committed(batches: readonly Batch[]): void;
  failed(messages: number): void;
  /** The page of this process alone: its own figures and the persisted counters. */
  page(): Promise<string>;
}

/**
 * What is published from here is this process's own. The persisted counters are not: query reads them from the
 * database, exactly as of the same transaction as the rows.
 */
export function createWriterMetrics(
  registry: Registry,
  outcomes: () => Outcomes,
  indexLag: () => number,
): WriterMetrics {
  const storeLag = histogram(registry, 'store_lag_seconds');
  const batchMessages = histogram(registry, 'writer_batch_messages');
  const writes = counter(registry, 'db_write_total');
  writes.inc({ result: 'error' }, 0);

  function persisted(): Registry {
    const page = new Registry();
    const { created, duplicate, dead_letter } = outcomes();
    const deliveries = counter(page, 'webhook_total');
    deliveries.inc({ status: 'created' }, created);
    deliveries.inc({ status: 'duplicate' }, duplicate);
    deliveries.inc({ status: 'dead_letter' }, dead_letter);
    const rows = counter(page, 'db_write_total');
    rows.inc({ result: 'success' }, created);
    rows.inc({ result: 'duplicate' }, duplicate);
    gauge(page, 'index_lag_messages').set(indexLag());
    return page;
  }

  return {
    committed(batches) {
      const now = Date.now();
      let messages = 0;
      for (const batch of batches) {
        messages += messagesIn(batch);
        if (!('corrupt' in batch)) storeLag.observe(Math.max(0, now - batch.at) / 1_000);
      }
      batchMessages.observe(messages);
    },
    failed(messages) {
      writes.inc({ result: 'error' }, messages);
    },
    async page() {
      const parts = [
        await registry.getMetricsAsJSON(),
        await persisted().getMetricsAsJSON(),
      ] as PublishedMetric[][];
      return AggregatorRegistry.aggregate(parts).metrics();
    },
  };
}
