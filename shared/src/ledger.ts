/**
 * The ledger: the account of every message that was acknowledged.
 *
 * Each life of an ingest process is a producer. It numbers its messages from 1, and a batch is a range of these numbers,
 * so every figure below is the size of a set, and two sets can be compared message by message. Who counts what:
 *
 * - ingest publishes what Redis confirmed to it, and with it how many messages it acknowledged;
 * - the writer keeps in the database what it committed and what was written off, in the transaction of the messages;
 * - the writer leaves in Redis what it settled, before the jobs leave the queue: a database that was restored from an
 *   old copy is found out by it;
 * - the queue holds what waits.
 *
 * A number that was used for a job that failed stays a hole. If that job was stored all the same, its messages are
 * *unconfirmed*: their sender was told 503. So is what ingest has not published yet, for up to a second.
 */
import type { Outcome } from './outcomes.js';
import { size, subtract, union, type Range } from './ranges.js';

/** Hash: producer → `{"messages": n, "ranges": [[first, last], …]}`, what Redis has acknowledged to it. */
export const CONFIRMED_KEY = 'lyftr:ledger:confirmed';
/** Hash: producer → `[[first, last], …]`, what the writer has settled or written off. */
export const SETTLED_KEY = 'lyftr:ledger:settled';
/** Hash: `accepted` and `unconfirmed`, the messages of producers that ended and are not listed any more. */
export const ENDED_KEY = 'lyftr:ledger:ended';

/** The producer of jobs that are not named after a batch. It is numbered by the jobs' ids, and never ends. */
export const UNNAMED_JOBS = '_jobs';

export interface Confirmed {
  /** Counted by ingest as it answered, not derived from the ranges. */
  messages: number;
  ranges: Range[];
}

/** One producer as Redis lists it. */
export interface Listed {
  confirmed: Confirmed;
  settled: Range[];
  /** What the queue holds of it, in whatever state. */
  queued: Range[];
  /** The first two as Redis holds them, '' for none: for a script that must not overlook a change. */
  texts: [confirmed: string, settled: string];
}

export interface RedisAccount {
  producers: Map<string, Listed>;
  ended: { accepted: number; unconfirmed: number };
  /** False when the queue is too long to be looked through; `queued` is empty then. */
  isQueueKnown: boolean;
}

export interface StoreAccount {
  outcomes: Record<Outcome, number>;
  /** Of the duplicates, those with another content than what is stored. */
  conflictingDuplicates: number;
  /** Messages that an operator gave up. */
  writtenOff: number;
  /** Messages that were settled before messages were numbered. They count as accepted. */
  carried: number;
  /** By producer, of those that were asked for. */
  committed: Map<string, Range[]>;
  writtenOffRanges: Map<string, Range[]>;
}

/** `GET /ledger`. */
export interface LedgerAnswer {
  /** Messages that ingest acknowledged. */
  accepted: number;
  /** Messages that were stored or wait although no ingest process has confirmed that it acknowledged them. */
  unconfirmed: number;
  created: number;
  duplicate: number;
  dead_letter: number;
  written_off: number;
  waiting: number;
  /** accepted + unconfirmed - created - duplicate - dead_letter - written_off - waiting: 0 unless something is wrong. */
  difference: number;
  /** Of the duplicates, those with another content than what is stored. */
  conflicting_duplicate: number;
  /** Messages that were acknowledged and are gone, by number; null while the queue is too long to tell. */
  missing: Missing | null;
}

export interface Missing {
  messages: number;
  producers: { producer: string; ranges: Range[] }[];
}

/** Of one producer. `known` is everything that either store has heard of. */
function balanceOf({ confirmed, settled, queued }: Listed, committed: Range[], writtenOff: Range[]) {
  const accounted = union(committed, writtenOff);
  const waiting = subtract(queued, accounted);
  const missing = subtract(subtract(union(confirmed.ranges, settled), accounted), queued);
  const unconfirmed = subtract(union(settled, accounted, queued), confirmed.ranges);
  return { waiting, missing, unconfirmed };
}

function balanceIn(listed: Listed, { committed, writtenOffRanges }: StoreAccount, producer: string) {
  return balanceOf(listed, committed.get(producer) ?? [], writtenOffRanges.get(producer) ?? []);
}

/** Nothing of this producer waits or is missing. */
export function isSettled(listed: Listed, store: StoreAccount, producer: string): boolean {
  return listed.queued.length === 0 && balanceIn(listed, store, producer).missing.length === 0;
}

/** Messages of this producer that are accounted for and that it did not confirm. */
export function unconfirmedOf(listed: Listed, store: StoreAccount, producer: string): number {
  return size(balanceIn(listed, store, producer).unconfirmed);
}

/**
 * `redis` must have been read first: a batch leaves the queue after its commit, so one that is on its way is in one of
 * the two readings.
 */
export function balance(redis: RedisAccount, store: StoreAccount): LedgerAnswer {
  let accepted = store.carried + redis.ended.accepted;
  let unconfirmed = redis.ended.unconfirmed;
  let waiting = 0;
  const missing: Missing = { messages: 0, producers: [] };
  for (const [producer, listed] of redis.producers) {
    const of = balanceIn(listed, store, producer);
    accepted += listed.confirmed.messages;
    unconfirmed += size(of.unconfirmed);
    // in a queue that is too long, whatever is nowhere else waits
    waiting += size(redis.isQueueKnown ? of.waiting : of.missing);
    if (of.missing.length === 0) continue;
    missing.messages += size(of.missing);
    missing.producers.push({ producer, ranges: of.missing });
  }
  const { created, duplicate, dead_letter } = store.outcomes;
  const accounted = created + duplicate + dead_letter + store.writtenOff + waiting;
  return {
    accepted,
    unconfirmed,
    created,
    duplicate,
    dead_letter,
    written_off: store.writtenOff,
    waiting,
    difference: accepted + unconfirmed - accounted,
    conflicting_duplicate: store.conflictingDuplicates,
    missing: redis.isQueueKnown ? missing : null,
  };
}

export const messagesText = (count: number): string => (count === 1 ? '1 message' : `${count} messages`);

/** What is wrong with a ledger of which `missing` messages can be named, a sentence each; none when all is well. */
export function ledgerFaults(difference: number, missing: number): string[] {
  const faults: string[] = [];
  if (missing > 0)
    faults.push(`${messagesText(missing)} acknowledged and missing. \`lyftr ledger\` names them.`);
  const rest = difference - missing;
  if (rest > 0)
    faults.push(`${messagesText(rest)} acknowledged and missing, of processes that ended long ago.`);
  if (rest < 0)
    faults.push(
      `${messagesText(-rest)} stored of which Redis knows nothing, as after it was restored from an old copy.`,
    );
  return faults;
}
