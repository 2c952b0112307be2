/**
 * The ledger accounts for every acknowledged message.
 *
 * A delivery of a source has one number, like a message, and may have several outcomes. The writer counts the outcomes
 * beyond the first as `fanout`, in the transaction that stores the delivery.
 *
 * Each life of an ingest process is a producer. A producer numbers its messages from 1, and a batch is a range of
 * these numbers. Every figure below is therefore the size of a set, and sets can be compared message by message. The
 * parts are:
 *
 * - Ingest publishes the numbers that Redis confirmed, and how many messages ingest acknowledged.
 * - The writer keeps the committed and the written-off numbers in the database. It changes them in the transaction of
 *   the messages.
 * - The writer stores the settled numbers in Redis before the jobs leave the queue. A database that was restored from
 *   an old copy is detected by comparing the two.
 * - The queue holds the numbers that wait.
 *
 * A number that was used for a failed job is not used again. If Redis stored that job anyway, its messages are
 * *unconfirmed*: the sender was told 503. Messages are also unconfirmed for up to a second, until ingest publishes
 * them.
 */
import type { Outcome } from './outcomes.js';
import { size, subtract, union, type Range } from './ranges.js';

/** Hash: producer → Confirmed as JSON, the messages and deliveries that Redis acknowledged to it. */
export const CONFIRMED_KEY = 'lyftr:ledger:confirmed';
/** Hash: producer → `[[first, last], …]`, the numbers that the writer settled or wrote off. */
export const SETTLED_KEY = 'lyftr:ledger:settled';
/**
 * Hash: `accepted`, `unconfirmed` and, for each source, `source:NAME`. The totals of ended producers, which are no longer
 * listed.
 */
export const ENDED_KEY = 'lyftr:ledger:ended';

/** The producer of jobs that are not named after a batch. The job id is the number. This producer never ends. */
export const UNNAMED_JOBS = '_jobs';

export interface Confirmed {
  /** Counted by ingest for each answer, independently of the ranges. */
  messages: number;
  ranges: Range[];
  /** How many of them came by each source. Absent when none did. */
  sources?: Record<string, number>;
}

/** Field of ENDED_KEY. */
export const endedSource = (source: string): string => `source:${source}`;

/** What Redis holds about one producer. */
export interface Listed {
  confirmed: Confirmed;
  settled: Range[];
  /** Its messages in the queue, in any state. */
  queued: Range[];
  /** `confirmed` and `settled` as Redis stores them, '' when absent. A script uses them to detect a change. */
  texts: [confirmed: string, settled: string];
}

export interface RedisAccount {
  producers: Map<string, Listed>;
  ended: { accepted: number; unconfirmed: number; sources: Record<string, number> };
  /** False when the queue is too long to read. `queued` is then empty. */
  isQueueKnown: boolean;
}

export interface StoreAccount {
  outcomes: Record<Outcome, number>;
  /** Duplicates whose content differs from the stored message. */
  conflictingDuplicates: number;
  /** Outcomes of deliveries beyond one for each. */
  fanout: number;
  /** Messages that an operator wrote off. */
  writtenOff: number;
  /** Messages that were settled before messages had numbers. They count as accepted. */
  carried: number;
  /** By producer, for the requested producers. */
  committed: Map<string, Range[]>;
  writtenOffRanges: Map<string, Range[]>;
}

/** `GET /ledger`. */
export interface LedgerAnswer {
  /** Messages and deliveries that ingest acknowledged. */
  accepted: number;
  /** How many of them came by each source. */
  accepted_by_source: Record<string, number>;
  /** Messages that are stored or waiting although no ingest process confirmed that it acknowledged them. */
  unconfirmed: number;
  /** Outcomes of deliveries beyond one for each: a delivery of five messages is accepted as one and makes five. */
  fanout: number;
  created: number;
  duplicate: number;
  dead_letter: number;
  written_off: number;
  waiting: number;
  /**
   * accepted + unconfirmed + fanout - created - duplicate - dead_letter - written_off - waiting. 0 unless something is
   * wrong.
   */
  difference: number;
  /** Duplicates whose content differs from the stored message. */
  conflicting_duplicate: number;
  /** Acknowledged messages that are neither stored nor in the queue. Null while the queue is too long to tell. */
  missing: Missing | null;
}

export interface Missing {
  messages: number;
  producers: { producer: string; ranges: Range[] }[];
}

/** The balance of one producer. `known` has every number that Redis or the database holds. */
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

/** Whether no message of this producer is waiting or missing. */
export function isSettled(listed: Listed, store: StoreAccount, producer: string): boolean {
  return listed.queued.length === 0 && balanceIn(listed, store, producer).missing.length === 0;
}

/** The number of messages that are accounted for although this producer did not confirm them. */
export function unconfirmedOf(listed: Listed, store: StoreAccount, producer: string): number {
  return size(balanceIn(listed, store, producer).unconfirmed);
}

/** How many deliveries ingest acknowledged, by source. */
export function acceptedBySource(
  confirmed: Iterable<Confirmed>,
  ended: RedisAccount['ended'],
): Record<string, number> {
  const sums = { ...ended.sources };
  for (const { sources = {} } of confirmed)
    for (const [source, count] of Object.entries(sources)) sums[source] = (sums[source] ?? 0) + count;
  return sums;
}

/**
 * Read `redis` before `store`. A batch leaves the queue after its commit, so a batch that moves in the meantime is
 * then in at least one of the two.
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
    // when the queue is too long to read, a message that is nowhere else counts as waiting
    waiting += size(redis.isQueueKnown ? of.waiting : of.missing);
    if (of.missing.length === 0) continue;
    missing.messages += size(of.missing);
    missing.producers.push({ producer, ranges: of.missing });
  }
  const { created, duplicate, dead_letter } = store.outcomes;
  const { fanout } = store;
  const accounted = created + duplicate + dead_letter + store.writtenOff + waiting;
  return {
    accepted,
    accepted_by_source: acceptedBySource(
      Array.from(redis.producers.values(), ({ confirmed }) => confirmed),
      redis.ended,
    ),
    unconfirmed,
    fanout,
    created,
    duplicate,
    dead_letter,
    written_off: store.writtenOff,
    waiting,
    difference: accepted + unconfirmed + fanout - accounted,
    conflicting_duplicate: store.conflictingDuplicates,
    missing: redis.isQueueKnown ? missing : null,
  };
}

export const messagesText = (count: number): string => (count === 1 ? '1 message' : `${count} messages`);

/** The faults of a ledger, one sentence each. `missing` is the number of missing messages that the ledger can list. */
export function ledgerFaults(difference: number, missing: number): string[] {
  const faults: string[] = [];
  if (missing > 0)
    faults.push(`${messagesText(missing)} acknowledged and missing. \`lyftr ledger\` lists them.`);
  const rest = difference - missing;
  if (rest > 0)
    faults.push(
      `${messagesText(rest)} acknowledged and missing. The processes that acknowledged them are no longer listed.`,
    );
  if (rest < 0)
    faults.push(
      `${messagesText(-rest)} stored but unknown to Redis. This happens when Redis is restored from an old copy.`,
    );
  return faults;
}
