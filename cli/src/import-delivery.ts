/** The lines of `lyftr export --deliveries` that have a delivery of a source: `{"delivery": …}`. */
import type { SentDelivery } from '@lyftr/shared/sources';

/**
 * The delivery of a line, as `POST /deliveries` takes it. Undefined for a message, which may have a member `delivery` of its
 * own, and always has an id.
 */
export function deliveryOf(value: unknown): SentDelivery | undefined {
  if (typeof value !== 'object' || value === null || Object.hasOwn(value, 'message_id')) return undefined;
  const { delivery } = value as { delivery?: SentDelivery | null };
  return typeof delivery === 'object' && delivery !== null ? { ...delivery, imported: true } : undefined;
}
