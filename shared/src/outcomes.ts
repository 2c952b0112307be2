/** The possible outcomes of a delivery. */

/** Ingest refused it. */
export const REFUSALS = ['invalid_signature', 'invalid_payload', 'too_large', 'unavailable'] as const;
export type Refusal = (typeof REFUSALS)[number];

/** The writer's outcome. Every accepted message has exactly one. */
export const OUTCOMES = ['created', 'duplicate', 'dead_letter'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** A duplicate whose content differs from the stored message. It is counted in addition to `duplicate`. */
export const CONFLICTING_DUPLICATE = 'conflicting_duplicate';

export const DEAD_LETTER_KINDS = ['corrupt_envelope', 'unstorable_message', CONFLICTING_DUPLICATE] as const;
export type DeadLetterKind = (typeof DEAD_LETTER_KINDS)[number];

/** Dead letters that have not been replayed or discarded, by kind. */
export type DeadLettersWaiting = Record<DeadLetterKind, number>;

export const COUNTERS = [...OUTCOMES, CONFLICTING_DUPLICATE] as const;

/** Number of messages by outcome. */
export type Outcomes = Record<(typeof COUNTERS)[number], number>;
