/** What becomes of a delivery. */

/** At ingest, which does not take it. */
export const REFUSALS = ['invalid_signature', 'invalid_payload', 'too_large', 'unavailable'] as const;
export type Refusal = (typeof REFUSALS)[number];

/** At the writer: each message that was taken has exactly one of them. */
export const OUTCOMES = ['created', 'duplicate', 'dead_letter'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** A duplicate whose content differs from what is stored: counted beside `duplicate`, not instead of it. */
export const CONFLICTING_DUPLICATE = 'conflicting_duplicate';

export const DEAD_LETTER_KINDS = ['corrupt_envelope', 'unstorable_message', CONFLICTING_DUPLICATE] as const;
export type DeadLetterKind = (typeof DEAD_LETTER_KINDS)[number];

/** Dead letters that nobody has replayed or discarded yet, by kind. */
export type DeadLettersWaiting = Record<DeadLetterKind, number>;

export const COUNTERS = [...OUTCOMES, CONFLICTING_DUPLICATE] as const;

/** Messages by outcome. */
export type Outcomes = Record<(typeof COUNTERS)[number], number>;
