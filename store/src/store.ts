/**
 * What the services see of a database. `open.ts` gives one of an engine; nothing here depends on which one it is, and
 * every engine passes the suite in `contract/`.
 */
import type { Batch, Numbers, PutAside } from '@lyftr/shared/batch';
import type { StoreAccount } from '@lyftr/shared/ledger';
import type { DeadLetterKind, DeadLettersWaiting, Outcomes } from '@lyftr/shared/outcomes';
import type { Range } from '@lyftr/shared/ranges';

/** Another writer has taken over. Nothing of the call is stored, and a retry cannot help. */
export class FencedError extends Error {
  constructor(mine: number, current: number, instance: string) {
    super(`this writer was replaced: the epoch is ${current} (${instance}), its own epoch is ${mine}`);
    this.name = 'FencedError';
  }
}

/** The disk or the database failed. Nothing of the call is stored, and a retry may succeed. */
export class UnavailableError extends Error {
  constructor(cause: unknown) {
    super(String(cause), { cause });
    this.name = 'UnavailableError';
  }
}

/** What one transaction has done. */
export interface Committed {
  outcomes: Outcomes;
  /** What went to the dead letters. */
  aside: PutAside[];
  /** The messages that are settled now. Batches without numbers are not among them. */
  settled: Numbers[];
}

export interface WriteOff {
  lost: readonly { producer: string; ranges: readonly Range[] }[];
  /** Messages of which no number is known. */
  unnamed: number;
}

/**
 * The only way to change what is stored. It belongs to one writer: from the moment it is opened, a writer that opened the
 * same database before cannot commit. Every method rejects with FencedError or UnavailableError.
 */
export interface WriteStore {
  /**
   * Stores every batch in one transaction, or none. The fault of a message is never an error: a message that cannot be
   * stored goes to the dead letters in the same transaction.
   */
  commit(batches: readonly Batch[]): Promise<Committed>;
  /** Totals of all time, as of the last commit. */
  outcomes(): Promise<Outcomes>;
  /** Removes a dead letter. Resolves with false when there is none with that number. */
  discard(deadLetterId: number): Promise<boolean>;
  /** Removes up to `messagesMax` messages with `ts` before `beforeTs`, the oldest first. Resolves with their number. */
  prune(beforeTs: number, messagesMax: number): Promise<number>;
  /** When retention looked last, in epoch seconds; undefined when it never did. */
  lastPrune(): Promise<number | undefined>;
  notePrune(seconds: number): Promise<void>;
  /** Makes up to `messagesMax` messages quick to search. Resolves with their number; 0 when none are left. */
  indexStep(messagesMax: number): Promise<number>;
  /** Messages that are stored and wait for `indexStep`. */
  indexLag(): Promise<number>;
  /** The ledger as the database has it. The ranges are those of `producers`. */
  account(producers: Iterable<string>): Promise<StoreAccount>;
  /**
   * Reads the account of `producers` and writes off what `decide` makes of it, in one transaction. Rejects with whatever
   * `decide` throws.
   */
  writeOff(producers: Iterable<string>, decide: (account: StoreAccount) => WriteOff): Promise<void>;
  /** Says that a producer is not expected to send again. */
  release(producer: string): void;
  close(): Promise<void>;
}

/** Every member narrows the selection; `undefined` selects all. */
export interface Filter {
  /** The sender. */
  from: string | undefined;
  /** The recipient. */
  to: string | undefined;
  /** Epoch seconds, inclusive. */
  since: number | undefined;
  /** Epoch seconds, exclusive. */
  until: number | undefined;
  /** What the text contains, whatever its case. Never empty. */
  text: string | undefined;
}

/** Where a message stands in the order by `ts`, then by the UTF-8 bytes of `message_id`. */
export interface Place {
  ts: number;
  message_id: string;
}

export type Order = 'asc' | 'desc';

export interface Page {
  order: Order;
  limit: number;
  offset: number;
  /** The page begins behind this place. `offset` is 0 then. */
  after: Place | undefined;
}

export interface StoredMessage {
  message_id: string;
  from: string;
  to: string;
  /** Epoch seconds. */
  ts: number;
  text: string;
  /** The JSON text of an object; null when the message has no other members. */
  extra: string | null;
}

export interface SearchAnswer {
  /** Exact, in the same state of the database as `messages`. */
  total: number;
  messages: StoredMessage[];
}

export interface StatsQuery {
  /** Senders in `senders`. */
  top: number;
  /** As in Filter. */
  since: number | undefined;
  until: number | undefined;
}

export interface Stats {
  messages: number;
  /** Number of all senders. */
  sendersCount: number;
  /** By count, descending, then by the UTF-8 bytes of the name. */
  senders: { from: string; count: number }[];
  /** Epoch seconds of the first and the last message; null when there is none. */
  first: number | null;
  last: number | null;
}

/** Widths of the buckets of a timeline. */
export const BUCKET_SECONDS = { minute: 60, hour: 3_600, day: 86_400 } as const;
export const TIMELINE_BUCKETS_MAX = 10_000;

export interface TimelineQuery {
  bucket: keyof typeof BUCKET_SECONDS;
  /** Its text is not looked at. */
  filter: Filter;
}

/** Epoch seconds at which it begins, and the messages in it. */
export interface Bucket {
  start: number;
  count: number;
}

/** The half of the ledger that the database holds, and what waits in it, in one state. */
export interface Stored {
  account: StoreAccount;
  deadLetters: DeadLettersWaiting;
  /** Messages that are stored and not yet quick to search. */
  indexLagMessages: number;
}

export interface DeadLetter {
  id: number;
  kind: DeadLetterKind;
  /** For a person. */
  reason: string;
  /** Null when it cannot be read from the letter. */
  message_id: string | null;
  /** Epoch milliseconds. */
  received_at: number;
  /** JSON text as it came out of the queue. */
  raw: string;
}

export interface Sizes {
  /** Bytes by part of the database. */
  parts: Record<string, number>;
  /** What is left on the disk for a process without privileges. */
  freeBytes: number;
}

/**
 * Reads, while a writer writes. Every method rejects with ProblemError: `not-ready` without a database that this version
 * reads, `too-busy`, and `search-timeout` where a signal is taken. `signal` ends a read that nobody waits for any more.
 */
export interface ReadStore {
  search(filter: Filter, page: Page, signal?: AbortSignal): Promise<SearchAnswer>;
  message(id: string): Promise<StoredMessage | undefined>;
  /** Every message of the filter in order, in parts. Those that are stored or removed meanwhile may be among them or not. Ends with the signal. */
  export(filter: Filter, order: Order, signal?: AbortSignal): AsyncIterable<StoredMessage[]>;
  stats(query: StatsQuery, signal?: AbortSignal): Promise<Stats>;
  /** In order. Buckets without a message are left out. Rejects with `invalid-query` beyond TIMELINE_BUCKETS_MAX. */
  timeline(query: TimelineQuery, signal?: AbortSignal): Promise<Bucket[]>;
  stored(producers: Iterable<string>): Promise<Stored>;
  /** The newest first. */
  deadLetters(limit: number, offset: number): Promise<{ total: number; letters: DeadLetter[] }>;
  deadLetter(id: number): Promise<DeadLetter | undefined>;
  /** Undefined while there is no database. */
  sizes(): Promise<Sizes | undefined>;
  /** `ok`, or what is wrong and what would mend it. */
  state(): Promise<string>;
  close(): Promise<void>;
}

/** What one check of an audit has found. */
export interface AuditLine {
  name: string;
  /** `unknown`: it could not be looked at. */
  state: 'ok' | 'fault' | 'repaired' | 'unknown';
  /** What was compared, for a person. */
  figures: Record<string, number>;
  /** One line each; empty when all is well. */
  faults: string[];
}

/** What an operator does to a database. Every method throws an Error whose message says what to change. */
export interface AdminStore {
  /** Where it is, for a person. */
  readonly location: string;
  /** Compares what is derived with the messages, while the system may run. `full` looks at every entry of the text index. */
  audit(full: boolean): Promise<AuditLine[]>;
  /** Builds what is derived anew. Nothing else may have the database open. */
  repair(full: boolean): Promise<AuditLine[]>;
  /** Copies one state of the database to a file, while the system may run, and checks the copy. */
  backup(target: string, progress: (done: number, total: number) => void): Promise<{ messages: number }>;
  /** Throws when a file is part of the database. */
  requireElsewhere(path: string): void;
}

export interface StoreSettings {
  STORE_URL: string;
  DATA_DIR: string;
}

export interface Engine {
  /** `instance` names the writer. Waits for as long as another one is in the middle of a transaction. */
  openWriteStore(settings: StoreSettings, instance: string): Promise<WriteStore>;
  /** The database need not be there yet. `timeoutMs` bounds every read that takes a signal. */
  openReadStore(settings: StoreSettings, timeoutMs: number): ReadStore;
  /** Throws when there is no database. */
  openAdminStore(settings: StoreSettings): AdminStore;
  /** `ok`, or what an operator has to change before a database can be trusted to this machine. */
  hostState(settings: StoreSettings): string;
}
