/** What comes out of the queue, and what becomes of it. */
import { CONFLICTING_DUPLICATE, OUTCOMES, type DeadLetterKind, type Outcome } from '@lyftr/shared/database';
import type { Envelope } from '@lyftr/shared/job';

/** A batch as it left the queue: an envelope, or what is left of one that cannot be read. */
export type Batch = Envelope | { corrupt: string; reason: string };

export const COUNTERS = [...OUTCOMES, CONFLICTING_DUPLICATE] as const;

export type Outcomes = Record<Outcome | typeof CONFLICTING_DUPLICATE, number>;

/** A message, or a batch that cannot be read, that went to `dead_letters`. */
export interface PutAside {
  kind: DeadLetterKind;
  /** When the sender gave its delivery one. */
  requestId: string | undefined;
}
