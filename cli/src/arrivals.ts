/**
 * Finds the messages that arrive in a running system. No route lists messages in the order of their arrival, and `ts` is the
 * time of the event. So this compares what `GET /messages` returns for the recent past with what it returned before.
 */
import type { Client } from '@lyftr/shared/client/client';
import type { Message } from '@lyftr/shared/message';

export interface ListedMessage extends Message {
  /** Absent when it came by POST /webhook. */
  source?: string;
}

interface Page {
  total: number;
  data: ListedMessage[];
  next_cursor: string | null;
}

/** Messages with an earlier `ts` are not looked at. Retention keeps a day at least, so none of the others is removed. */
const WINDOW_SECONDS = 12 * 3_600;
/** The recent past has at most this many messages at the start. In a busy system it is shorter. */
const REMEMBERED_MAX = 10_000;
const PAGE_MESSAGES = 100;

export interface Arrivals {
  /** Remembers what is stored already. Rejects as the client does. */
  begin(): Promise<void>;
  /**
   * Resolves with the messages that have arrived since the last call, in the order of their `ts`. Rejects as the client does;
   * the next call then returns them.
   */
  next(): Promise<ListedMessage[]>;
  /** The number of messages that arrived with a `ts` before the recent past. They are not returned. */
  readonly older: number;
}

/** `filters` are parameters of `GET /messages`. */
export function watchArrivals(client: Client, filters: Record<string, string>): Arrivals {
  /** Ids of the messages of the recent past, and their `ts`. */
  const known = new Map<string, number>();
  /** Where the recent past begins, in epoch seconds. */
  let floor = 0;
  let atStart = 0;
  let returned = 0;
  let older = 0;

  const read = async (more: Record<string, string>): Promise<Page> =>
    (await client.get(`/messages?${new URLSearchParams({ ...filters, ...more }).toString()}`)) as Page;
  const countAll = async (): Promise<number> => (await read({ limit: '1' })).total;

  /** Pages of the recent past, the newest first. */
  async function* pages(): AsyncGenerator<Page> {
    const since = new Date(floor * 1_000).toISOString();
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Page = await read({ order: 'desc', limit: String(PAGE_MESSAGES), since, cursor });
      yield page;
      cursor = page.next_cursor;
    }
  }

  /** Moves the floor up to a whole minute, and forgets what is below it. */
  function forget(): void {
    const minute = Math.floor(Date.now() / 60_000) * 60;
    floor = Math.max(floor, minute - WINDOW_SECONDS);
    if (known.size >= REMEMBERED_MAX) {
      const newest = [...known.values()].toSorted((a, b) => b - a);
      // other messages of this second may not have been read
      floor = Math.max(floor, (newest[REMEMBERED_MAX - 1] as number) + 1);
    }
    for (const [id, ts] of known) if (ts < floor) known.delete(id);
  }

  return {
    get older() {
      return older;
    },
    async begin() {
      forget();
      for await (const { data } of pages()) {
        for (const { message_id, ts } of data) known.set(message_id, ts);
        if (known.size >= REMEMBERED_MAX) break;
      }
      forget();
      atStart = await countAll();
    },
    async next() {
      forget();
      // counted before the pages are read, so that no message is counted that they do not have
      const total = await countAll();
      const found = new Map<string, ListedMessage>();
      for await (const page of pages()) {
        for (const message of page.data)
          if (!known.has(message.message_id)) found.set(message.message_id, message);
        if (known.size + found.size >= page.total) break;
      }
      for (const { message_id, ts } of found.values()) known.set(message_id, ts);
      returned += found.size;
      older = Math.max(older, total - atStart - returned);
      return [...found.values()].toSorted((a, b) => a.ts - b.ts);
    },
  };
}
