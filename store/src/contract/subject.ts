/** What a part of the contract receives: a database that does not exist yet, and a few messages to store. */
import type { MappedDelivery, MessageTuple, ReadBatch, SourceDelivery, StoreItem } from '@lyftr/shared/batch';
import type { Outcomes } from '@lyftr/shared/outcomes';
import type {
  AdminStore,
  Filter,
  LetterFilter,
  Page,
  ReadStore,
  StoredMessage,
  WriteStore,
} from '../store.js';

export interface Subject {
  /** Creates the database if necessary. A second call is another writer that takes over. */
  openWriter(instance: string): Promise<WriteStore>;
  openReader(): ReadStore;
  openAdmin(): AdminStore;
  /** Returns a path of a file that does not exist. */
  newFile(): string;
}

export const NONE: Outcomes = {
  created: 0,
  duplicate: 0,
  dead_letter: 0,
  conflicting_duplicate: 0,
  fanout: 0,
};

export const ALL: Filter = {
  from: undefined,
  to: undefined,
  since: undefined,
  until: undefined,
  source: undefined,
  text: undefined,
};

export const ALL_LETTERS: LetterFilter = { kind: undefined, source: undefined };

export const FIRST_PAGE: Page = { order: 'asc', limit: 100, offset: 0, after: undefined };

export const tuple = (id: string, rest: Partial<Omit<StoredMessage, 'message_id'>> = {}): MessageTuple => {
  const { from = 'a', to = 'b', ts = 1_000, text = 'hello', extra = null } = rest;
  return extra === null ? [id, from, to, ts, text] : [id, from, to, ts, text, extra];
};

/** A delivery as the queue has it. */
export const sent = (source: string, rest: Partial<SourceDelivery> = {}): SourceDelivery => ({
  source,
  scheme: 'generic',
  key: 'main',
  id: 'd-1',
  verifiedAt: 1_700_000_000_123,
  contentType: 'application/json',
  headers: { 'x-id': 'd-1' },
  body: '{"a": 1}',
  ...rest,
});

/** A delivery of which the mapping made these messages. Their `ts` are those of their events. */
export const mapped = (delivery: SourceDelivery, ...tuples: MessageTuple[]): MappedDelivery => ({
  delivery,
  messages: tuples.map((each) => ({ tuple: each, tsIsOfDelivery: false })),
  leftovers: [],
});

/** Creates a batch of `producer` whose first item has the number `first`. */
export const batch = (first: number, items: StoreItem[], producer = 'p'): ReadBatch => ({
  numbers: { producer, range: [first, first + items.length - 1] },
  at: 5_000,
  items,
});

/** Runs `work` with a writer and a reader, and closes both. */
export async function withStores(
  subject: Subject,
  work: (writer: WriteStore, reader: ReadStore) => Promise<void>,
): Promise<void> {
  const writer = await subject.openWriter('writer-1');
  const reader = subject.openReader();
  try {
    await work(writer, reader);
  } finally {
    await reader.close();
    await writer.close();
  }
}

/** Indexes until no message is left. */
export async function indexAll(writer: WriteStore): Promise<void> {
  while ((await writer.indexStep(1_000)) > 0);
}
