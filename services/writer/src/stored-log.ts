/** Logs transactions: each at `debug`, and those that stored a dead letter at `warn`. */
import { itemsIn, type Batch, type PutAside } from '@lyftr/shared/batch';
import type { Logger } from '@lyftr/shared/runtime/log';
import type { DeadLetterKind } from '@lyftr/shared/outcomes';
import type { Committed } from '@lyftr/store/store';

/** Limits the length of a line. */
const REQUEST_IDS_MAX = 20;

function warning(aside: readonly PutAside[]): Record<string, unknown> {
  const kinds: Partial<Record<DeadLetterKind, number>> = {};
  const ids = new Set<string>();
  for (const { kind, requestId } of aside) {
    kinds[kind] = (kinds[kind] ?? 0) + 1;
    if (requestId !== undefined && ids.size < REQUEST_IDS_MAX) ids.add(requestId);
  }
  return { ...kinds, ...(ids.size === 0 ? {} : { requestIds: [...ids] }) };
}

const requestIdsOf = (batches: readonly Batch[]): string[] =>
  batches.flatMap((batch) => ('corrupt' in batch ? [] : (batch.trace ?? []).map(([requestId]) => requestId)));

export function logStored(log: Logger, batches: readonly Batch[], { outcomes, aside }: Committed): void {
  if (aside.length > 0) log.warn(warning(aside), 'stored as a dead letter');
  if (!log.isLevelEnabled('debug')) return;
  const messages = batches.reduce((sum, batch) => sum + itemsIn(batch), 0);
  log.debug({ jobs: batches.length, messages, ...outcomes, requestIds: requestIdsOf(batches) }, 'stored');
}
