/** The possible outcomes of a delivery. */

/** Ingest refused it. */
export const REFUSALS = [
  'invalid_signature',
  'invalid_payload',
  'too_large',
  'rate_limited',
  'unavailable',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** Ingest answered a question of a provider. Nothing is stored for it. */
export const HANDSHAKE = 'handshake';

/**
 * The writer's outcomes. Every accepted message has exactly one. A delivery of a source has one for each of its messages, and
 * one more when something is left over.
 */
export const OUTCOMES = ['created', 'duplicate', 'dead_letter'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** A duplicate whose content differs from the stored message. It is counted in addition to `duplicate`. */
export const CONFLICTING_DUPLICATE = 'conflicting_duplicate';

/** The sum of (outcomes - 1) over all deliveries of sources. In the ledger, such a delivery is accepted as one. */
export const FANOUT = 'fanout';

/** A delivery of a source in which something had no rule. */
export const UNMAPPED_DELIVERY = 'unmapped_delivery';

export const DEAD_LETTER_KINDS = [
  'corrupt_envelope',
  'unstorable_message',
  UNMAPPED_DELIVERY,
  CONFLICTING_DUPLICATE,
] as const;
export type DeadLetterKind = (typeof DEAD_LETTER_KINDS)[number];

/** Dead letters that have not been replayed or discarded, by kind. */
export type DeadLettersWaiting = Record<DeadLetterKind, number>;

/** What the writer counts. */
export const COUNTERS = [...OUTCOMES, CONFLICTING_DUPLICATE, FANOUT] as const;
export type Outcomes = Record<(typeof COUNTERS)[number], number>;
