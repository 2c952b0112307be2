/** One look at the whole system: `GET /system`, and each second of `GET /live`. */
import type { LedgerAnswer } from './ledger.js';
import type { DeadLettersWaiting } from './outcomes.js';

export const JOB_STATES = ['waiting', 'active', 'delayed', 'failed', 'completed'] as const;

/** `GET /ledger`. */
export interface LedgerReport extends LedgerAnswer {
  /** What `dead_letter` and `conflicting_duplicate` have left to decide. */
  dead_letters: DeadLettersWaiting;
}

/** `22 in the dead-letter table: 3 could not be stored, 19 conflicting duplicates`. */
export function deadLettersText(letters: DeadLettersWaiting): string {
  const total = Object.values(letters).reduce((sum, count) => sum + count, 0);
  const { conflicting_duplicate: conflicts } = letters;
  if (total === 0) return 'none in the dead-letter table';
  return `${total} in the dead-letter table: ${total - conflicts} could not be stored, ${conflicts} conflicting duplicates`;
}

export interface ProcessState {
  service: string;
  instance: string;
  pid: number;
  /** `up`; `stopped` when it ended in order; `silent` when it just does not publish any more: dead, frozen, or cut off. */
  state: 'up' | 'stopped' | 'silent';
  /** Whether this is the writer that may work. */
  leads: boolean;
  /** Where other processes reach it; null when it did not say. */
  url: string | null;
  /** Epoch milliseconds. */
  started_at: number;
  seen_at: number;
  memory_bytes: number | null;
}

/** How the system is. */
export interface SystemState {
  /** `bad` when there is a fault; `busy` when something waits for the system or for a person. */
  level: 'good' | 'busy' | 'bad';
  /** A few words. */
  title: string;
  /** A sentence or two. */
  detail: string;
}

/** What comes from a store that does not answer is null. */
export interface Sample {
  /** Epoch milliseconds. */
  at: number;
  redis: boolean;
  /** `ok`, or what is wrong with it. */
  database: string;
  ledger: {
    created: number;
    duplicate: number;
    dead_letter: number;
    conflicting_duplicate: number;
    /** Messages that were given up. */
    written_off: number;
    /** These are null while Redis is away. */
    accepted: number | null;
    unconfirmed: number | null;
    waiting: number | null;
    difference: number | null;
    /** Messages that were acknowledged and are gone; null while it cannot be told. */
    missing: number | null;
  } | null;
  dead_letters: DeadLettersWaiting | null;
  index_lag_messages: number | null;
  queue: { jobs: Record<(typeof JOB_STATES)[number], number>; oldest_age_seconds: number } | null;
  /** Refused deliveries by status. */
  refused: Record<string, number> | null;
  /** From acceptance to commit, over all batches ever: seconds together, and their number. */
  store_lag: { seconds: number; batches: number } | null;
  processes: ProcessState[] | null;
  state: SystemState;
  /** A sentence each; empty when all is well. */
  faults: string[];
}
