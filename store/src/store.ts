/**
 * The interface to the database for the services. `open.ts` opens an engine. This interface does not depend on the
 * engine, and every engine passes the suite in `contract/`.
 */
import type { Batch, Numbers, PutAside } from '@lyftr/shared/batch';
import type { StoreAccount } from '@lyftr/shared/ledger';
import type { DeadLetterKind, DeadLettersWaiting, Outcomes } from '@lyftr/shared/outcomes';
import type { Range } from '@lyftr/shared/ranges';
import type { StoredDelivery, UnmappedDelivery } from './delivery.js';

/** Another writer has taken over. The call stored nothing, and a retry cannot help. */
export class FencedError extends Error {
  constructor(mine: number, current: number, instance: string) {
    super(`this writer was replaced: the epoch is ${current} (${instance}), its own epoch is ${mine}`);
    this.name = 'FencedError';
  }
}

/** The disk or the database failed. The call stored nothing, and a retry may succeed. */
export class UnavailableError extends Error {
  constructor(cause: unknown) {
    super(String(cause), { cause });
    this.name = 'UnavailableError';
  }
}

/** The result of one transaction. */
export interface Committed {
  /** With the `fanout` of its deliveries. */
  outcomes: Outcomes;
  /** The messages that became dead letters. */
  aside: PutAside[];
  /** The settled messages, without batches that have no numbers. */
  settled: Numbers[];
}

export interface WriteOff {
  lost: readonly { producer: string; ranges: readonly Range[] }[];
  /** Number of messages whose numbers are unknown. */
  unnamed: number;
}

/**
 * Writes the database. It belongs to one writer: once it is opened, writers that opened the same database before can
 * no longer commit. Every method rejects with FencedError or UnavailableError.
 */
export interface WriteStore {
  /**
   * Stores all batches in one transaction, or none. A faulty message is not an error: a message that cannot be stored
   * becomes a dead letter in the same transaction.
   *
   * A delivery is stored as its messages, and as it came when at least one of them is created. What its mapping left
   * over becomes one dead letter. A message whose `tsIsOfDelivery` is true is compared with a stored one without `ts`.
   */
  commit(batches: readonly Batch[]): Promise<Committed>;
  /** Totals since the database was created, as of the last commit. */
  outcomes(): Promise<Outcomes>;
  /** Removes a dead letter. Resolves with false when it does not exist. */
  discard(deadLetterId: number): Promise<boolean>;
  /**
   * Removes up to `messagesMax` messages with `ts` before `beforeTs`, oldest first, and fewer when they are large. A
   * delivery goes with the last of its messages. Resolves with the number of messages, 0 when none are left.
   */
  prune(beforeTs: number, messagesMax: number): Promise<number>;
  /** Time of the last retention run, in epoch seconds. Undefined when there was none. */
  lastPrune(): Promise<number | undefined>;
  notePrune(seconds: number): Promise<void>;
  /**
   * Indexes up to `messagesMax` messages for search, and fewer when their texts are long. Resolves with their number, 0
   * when none are left.
   */
  indexStep(messagesMax: number): Promise<number>;
  /** Number of stored messages that are not indexed yet. */
  indexLag(): Promise<number>;
  /** Reads the part of the ledger in the database, with the ranges of `producers`. */
  account(producers: Iterable<string>): Promise<StoreAccount>;
  /**
   * Reads the account of `producers` and writes off what `decide` returns for it, in one transaction. Rejects with
   * any error of `decide`.
   */
  writeOff(producers: Iterable<string>, decide: (account: StoreAccount) => WriteOff): Promise<void>;
  /** Tells the store that a producer has ended. */
  release(producer: string): void;
  close(): Promise<void>;
}

/** Selects messages. Each member narrows the selection, and `undefined` does not. */
export interface Filter {
  /** The sender. */
  from: string | undefined;
  /** The recipient. */
  to: string | undefined;
  /** Epoch seconds, inclusive. */
  since: number | undefined;
  /** Epoch seconds, exclusive. */
  until: number | undefined;
  /** The source that it came by. */
  source: string | undefined;
  /** A substring of the text, case-insensitive. Never empty. */
  text: string | undefined;
}

/** The position of a message in the order by `ts`, then by the UTF-8 bytes of `message_id`. */
export interface Place {
  ts: number;
  message_id: string;
}

export type Order = 'asc' | 'desc';

export interface Page {
  order: Order;
  limit: number;
  offset: number;
  /** The page begins after this position. `offset` is then 0. */
  after: Place | undefined;
}

export interface StoredMessage {
  message_id: string;
  from: string;
  to: string;
  /** Epoch seconds. */
  ts: number;
  text: string;
  /** The JSON text of an object. Null when the message has no other members. */
  extra: string | null;
  /** The source that it came by. Null when it came by `/webhook` or `/webhook/batch`. */
  source: string | null;
}

export interface SearchAnswer {
  /** The exact number of matches, in the same state of the database as `messages`. */
  total: number;
  messages: StoredMessage[];
}

export interface StatsQuery {
  /** Maximum number of senders in `senders`. */
  top: number;
  /** As in Filter. */
  since: number | undefined;
  until: number | undefined;
}

export interface Stats {
  messages: number;
  /** Number of all senders. */
  sendersCount: number;
  /** Ordered by count, descending, then by the UTF-8 bytes of the name. */
  senders: { from: string; count: number }[];
  /** Epoch seconds of the first and the last message. Null when there are none. */
  first: number | null;
  last: number | null;
}

/** Widths of the buckets of a timeline. */
export const BUCKET_SECONDS = { minute: 60, hour: 3_600, day: 86_400 } as const;
export const TIMELINE_BUCKETS_MAX = 10_000;

export interface TimelineQuery {
  bucket: keyof typeof BUCKET_SECONDS;
  /** The text of the filter is ignored. */
  filter: Filter;
}

/** The start of the bucket in epoch seconds, and its number of messages. */
export interface Bucket {
  start: number;
  count: number;
}

/** The part of the ledger in the database, and the unfinished work, in one state. */
export interface Stored {
  account: StoreAccount;
  deadLetters: DeadLettersWaiting;
  /** Number of stored messages that are not indexed yet. */
  indexLagMessages: number;
}

export interface DeadLetter {
  id: number;
  kind: DeadLetterKind;
  /** For a person. */
  reason: string;
  /** Null when the dead letter does not contain one. */
  message_id: string | null;
  /** Epoch milliseconds. */
  received_at: number;
  /** Null when it came by no source. */
  source: string | null;
  /** Null for every other kind than `unmapped_delivery`. */
  delivery: UnmappedDelivery | null;
  /** The JSON text from the queue. Of an `unmapped_delivery`, its body. */
  raw: string;
  /** True in a list when `raw` is longer than what is there. */
  isRawCut: boolean;
}

/** A list of dead letters stays small, although a body may have 64 MiB. */
export const LISTED_RAW_CHARS_MAX = 256 * 1_024;

/** Selects dead letters, as Filter selects messages. */
export interface LetterFilter {
  kind: DeadLetterKind | undefined;
  source: string | undefined;
}

export interface Sizes {
  /** Bytes by part of the database. */
  parts: Record<string, number>;
  /** Free space for a process without privileges. */
  freeBytes: number;
}

/**
 * Reads the database while a writer may write. Every method rejects with ProblemError: `not-ready` without a database
 * of this version, `too-busy`, and `search-timeout` if it takes a signal. `signal` ends a read that is no longer
 * needed.
 */
export interface ReadStore {
  search(filter: Filter, page: Page, signal?: AbortSignal): Promise<SearchAnswer>;
  message(id: string): Promise<StoredMessage | undefined>;
  /** The delivery that a message came by. Undefined when there is no such message, and when it came by no source. */
  delivery(messageId: string): Promise<StoredDelivery | undefined>;
  /**
   * Returns every message of the filter in order, in parts. Messages that are stored or removed in the meantime may
   * or may not be included. Ends with the signal.
   */
  export(filter: Filter, order: Order, signal?: AbortSignal): AsyncIterable<StoredMessage[]>;
  /**
   * Returns every delivery of which the filter selects a message, once, in parts: source by source, in the order of the
   * first such message. Otherwise like `export`.
   */
  deliveries(filter: Filter, order: Order, signal?: AbortSignal): AsyncIterable<StoredDelivery[]>;
  stats(query: StatsQuery, signal?: AbortSignal): Promise<Stats>;
  /** Returns buckets in order of time, without empty ones. Rejects with `invalid-query` beyond TIMELINE_BUCKETS_MAX. */
  timeline(query: TimelineQuery, signal?: AbortSignal): Promise<Bucket[]>;
  stored(producers: Iterable<string>): Promise<Stored>;
  /** The newest first. `raw` is cut after LISTED_RAW_CHARS_MAX characters. */
  deadLetters(
    filter: LetterFilter,
    limit: number,
    offset: number,
  ): Promise<{ total: number; letters: DeadLetter[] }>;
  deadLetter(id: number): Promise<DeadLetter | undefined>;
  /** Undefined while the database does not exist. */
  sizes(): Promise<Sizes | undefined>;
  /** `ok`, or the fault and its correction. */
  state(): Promise<string>;
  close(): Promise<void>;
}

/** The result of one check of an audit. */
export interface AuditLine {
  name: string;
  /** `unknown`: the check could not run. */
  state: 'ok' | 'fault' | 'repaired' | 'unknown';
  /** The compared figures, for a person. */
  figures: Record<string, number>;
  /** One line each. Empty when there are no faults. */
  faults: string[];
}

/** Operations for an operator. Every method throws an Error whose message says what to change. */
export interface AdminStore {
  /** The location of the database, for a person. */
  readonly location: string;
  /** Compares derived data with the messages. The system may run. `full` checks every entry of the text index. */
  audit(full: boolean): Promise<AuditLine[]>;
  /** Rebuilds derived data. No other process may have the database open. */
  repair(full: boolean): Promise<AuditLine[]>;
  /** Copies one state of the database to a file and checks the copy. The system may run. */
  backup(target: string, progress: (done: number, total: number) => void): Promise<{ messages: number }>;
  /** Throws when the file is a part of the database. */
  requireElsewhere(path: string): void;
}

export interface StoreSettings {
  STORE_URL: string;
  DATA_DIR: string;
}

export interface Engine {
  /** `instance` names the writer. Waits while another writer is inside a transaction, without a time limit. */
  openWriteStore(settings: StoreSettings, instance: string): Promise<WriteStore>;
  /** The database need not exist yet. `timeoutMs` limits every read that takes a signal. */
  openReadStore(settings: StoreSettings, timeoutMs: number): ReadStore;
  /** Throws when the database does not exist. */
  openAdminStore(settings: StoreSettings): AdminStore;
  /** `ok`, or what the operator must change on this machine. */
  hostState(settings: StoreSettings): string;
}
