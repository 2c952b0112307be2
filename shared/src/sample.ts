/** A snapshot of the whole system, as `GET /system` returns it and `GET /live` sends it each second. */
import type { LedgerAnswer } from './ledger.js';
import type { DeadLettersWaiting } from './outcomes.js';

export const JOB_STATES = ['waiting', 'active', 'delayed', 'failed', 'completed'] as const;

/** `GET /ledger`. */
export interface LedgerReport extends LedgerAnswer {
  /** The dead letters that have not been replayed or discarded. */
  dead_letters: DeadLettersWaiting;
}

/** `22 in the dead-letter table: 3 could not be stored, 19 conflicting duplicates`. */
export function deadLettersText(letters: DeadLettersWaiting): string {
  const total = Object.values(letters).reduce((sum, count) => sum + count, 0);
  const { conflicting_duplicate: conflicts } = letters;
  if (total === 0) return 'none';
  return `${total} in the dead-letter table: ${total - conflicts} could not be stored, ${conflicts} conflicting duplicates`;
}

export interface ProcessState {
  service: string;
  instance: string;
  pid: number;
  /**
   * `up`: it publishes its figures. `stopped`: it shut down cleanly. `silent`: it no longer publishes, because it is
   * dead, frozen or cut off from Redis.
   */
  state: 'up' | 'stopped' | 'silent';
  /** Whether this is the leading writer. */
  leads: boolean;
  /** The URL at which other processes reach it, or null when it has not published one. */
  url: string | null;
  /** Epoch milliseconds. */
  started_at: number;
  seen_at: number;
  memory_bytes: number | null;
}

/** The state of the system in short. */
export interface SystemState {
  /** `bad`: there is a fault. `busy`: messages wait for the writer, or dead letters wait for a person. */
  level: 'good' | 'busy' | 'bad';
  /** A few words. */
  title: string;
  /** One or two sentences. */
  detail: string;
}

/** Values from Redis or the database are null while it is not responding. */
export interface Sample {
  /** Epoch milliseconds. */
  at: number;
  redis: boolean;
  /** `ok`, or the fault. */
  database: string;
  ledger: {
    created: number;
    duplicate: number;
    dead_letter: number;
    conflicting_duplicate: number;
    /** Outcomes of deliveries beyond one for each. */
    fanout: number;
    /** Messages that an operator wrote off. */
    written_off: number;
    /** This and the next three are null while Redis is not responding. */
    accepted: number | null;
    unconfirmed: number | null;
    waiting: number | null;
    difference: number | null;
    /** Acknowledged messages that are neither stored nor in the queue; null while this is not known. */
    missing: number | null;
  } | null;
  dead_letters: DeadLettersWaiting | null;
  index_lag_messages: number | null;
  queue: { jobs: Record<(typeof JOB_STATES)[number], number>; oldest_age_seconds: number } | null;
  /** Refused deliveries by status. */
  refused: Record<string, number> | null;
  /** Time from acceptance to commit, summed over all batches, and the number of batches. */
  store_lag: { seconds: number; batches: number } | null;
  processes: ProcessState[] | null;
  state: SystemState;
  /** One sentence each. Empty when nothing is wrong. */
  faults: string[];
}
