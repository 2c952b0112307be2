import type { Range } from './missing.js';

/** `GET /ledger`: the account of every acknowledged message. */
export interface LedgerAnswer {
  /** accepted = created + duplicate + dead_letter + written_off + waiting */
  accepted: number;
  created: number;
  duplicate: number;
  dead_letter: number;
  /** Messages that were given up. */
  written_off: number;
  waiting: number;
  /** Of the duplicates, those with another content than what is stored. */
  conflicting_duplicate: number;
  /** Batches that were acknowledged and are gone; null while the queue is too long to tell. */
  missing: {
    batches: number;
    producers: { producer: string; ranges: Range[] }[];
    /** Of processes that finished long ago: which batches these were in is not known any more. */
    finished_messages: number;
  } | null;
}
