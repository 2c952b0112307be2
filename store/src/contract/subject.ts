/** What a part of the contract receives: a database that does not exist yet, and a few messages to store. */
import type { Batch, MessageTuple } from '@lyftr/shared/batch';
import type { AdminStore, Filter, Page, ReadStore, StoredMessage, WriteStore } from '../store.js';

export interface Subject {
  /** Creates the database if necessary. A second call is another writer that takes over. */
  openWriter(instance: string): Promise<WriteStore>;
  openReader(): ReadStore;
  openAdmin(): AdminStore;
  /** Returns a path of a file that does not exist. */
  newFile(): string;
}

export const ALL: Filter = {
  from: undefined,
  to: undefined,
  since: undefined,
  until: undefined,
  text: undefined,
};

export const FIRST_PAGE: Page = { order: 'asc', limit: 100, offset: 0, after: undefined };

export const tuple = (id: string, rest: Partial<Omit<StoredMessage, 'message_id'>> = {}): MessageTuple => {
  const { from = 'a', to = 'b', ts = 1_000, text = 'hello', extra = null } = rest;
  return extra === null ? [id, from, to, ts, text] : [id, from, to, ts, text, extra];
};

/** Creates a batch of `producer` whose first message has the number `first`. */
export const batch = (first: number, messages: MessageTuple[], producer = 'p'): Batch => ({
  numbers: { producer, range: [first, first + messages.length - 1] },
  at: 5_000,
  messages,
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
