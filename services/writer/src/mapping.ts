/** Makes messages of deliveries, before they are stored. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  isTuple,
  type Batch,
  type DeliveryMessage,
  type MappedDelivery,
  type MessageTuple,
  type QueueBatch,
  type QueueItem,
  type SourceDelivery,
  type StoreItem,
} from '@lyftr/shared/batch';
import { rateLimited, type Logger } from '@lyftr/shared/runtime/log';
import type { Sources } from '@lyftr/sources/current';
import type { Delivery, MappedMessage } from '@lyftr/sources/mapping/delivery';
import { Expressions } from '@lyftr/sources/mapping/jsonata';
import { mapDelivery } from '@lyftr/sources/mapping/mapping';

const RETRY_MS = 1_000;
/**
 * An expression that is ended takes 100 ms or more, and everything behind it waits. After so many of them in a minute,
 * the deliveries of the source are put aside without a try until the minute is over.
 */
const OVER_LIMIT_MAX = 10;
const OVER_LIMIT_WINDOW_MS = 60_000;

export interface Mapper {
  /** Never rejects: what cannot be mapped has leftovers, and becomes a dead letter. */
  map(batches: readonly QueueBatch[]): Promise<Batch[]>;
  close(): Promise<void>;
}

const toDelivery = (sent: SourceDelivery): Delivery => ({
  source: sent.source,
  scheme: sent.scheme as Delivery['scheme'],
  contentType: sent.contentType,
  headers: sent.headers,
  body: Buffer.from(sent.body, sent.encoding ?? 'utf8'),
  id: sent.id,
  signedAtMs: sent.signedAt,
  verifiedAtMs: sent.verifiedAt,
});

function toDeliveryMessage({
  message_id,
  from,
  to,
  ts,
  text,
  extra,
  tsIsOfDelivery,
}: MappedMessage): DeliveryMessage {
  const tuple: MessageTuple =
    extra === undefined ? [message_id, from, to, ts, text] : [message_id, from, to, ts, text, extra];
  return { tuple, tsIsOfDelivery };
}

export function createMapper(sources: () => Sources, log: Logger): Mapper {
  const expressions = new Expressions();
  /** By source. */
  const overLimit = new Map<string, { since: number; count: number }>();

  function isSuspended(source: string): boolean {
    const limit = overLimit.get(source);
    if (limit === undefined) return false;
    if (performance.now() - limit.since <= OVER_LIMIT_WINDOW_MS) return limit.count >= OVER_LIMIT_MAX;
    overLimit.delete(source);
    return false;
  }

  function noteOverLimit(source: string): void {
    const limit = overLimit.get(source) ?? { since: performance.now(), count: 0 };
    limit.count++;
    overLimit.set(source, limit);
    if (limit.count === OVER_LIMIT_MAX)
      log.error(
        { source },
        'the mapping was ended too often; deliveries of this source are dead letters for a minute',
      );
  }

  const logFailure = rateLimited(60_000, (suppressed, err: unknown) => {
    log.error({ err, suppressed }, 'could not run an expression; holding the delivery and trying again');
  });

  async function mapOne(delivery: SourceDelivery): Promise<MappedDelivery> {
    const source = sources().byName.get(delivery.source);
    const unmapped = (fault: string): MappedDelivery => ({ delivery, messages: [], leftovers: [''], fault });
    if (source === undefined) return unmapped('The sources file of the writer has no source of this name.');
    if (isSuspended(source.name))
      return unmapped(`The expression of this source was ended ${OVER_LIMIT_MAX} times within a minute.`);
    for (;;) {
      try {
        const { isOverLimit, ...mapped } = await mapDelivery(
          toDelivery(delivery),
          source.mapping,
          expressions,
        );
        if (isOverLimit === true) noteOverLimit(source.name);
        return { ...mapped, delivery, messages: mapped.messages.map(toDeliveryMessage) };
      } catch (error) {
        logFailure(error);
        await delay(RETRY_MS);
      }
    }
  }

  const mapItem = (item: QueueItem): StoreItem | Promise<MappedDelivery> =>
    isTuple(item) ? item : mapOne(item);

  return {
    async map(batches) {
      const mapped: Batch[] = [];
      for (const batch of batches) {
        if ('corrupt' in batch || batch.items.every(isTuple)) {
          mapped.push(batch as Batch);
          continue;
        }
        const items: StoreItem[] = [];
        for (const item of batch.items) items.push(await mapItem(item));
        mapped.push({ ...batch, items });
      }
      return mapped;
    },
    close: () => expressions.close(),
  };
}
