/**
 * Maintains the number of messages per sender, per recipient and per bucket of time, in the transaction that changes
 * the messages.
 *
 * Series 0 has the buckets of all messages. A sender or a recipient gets its own series when it has
 * `seriesMessagesMin` messages. A pair of two such parties gets one with its first message. The number of series is
 * therefore limited by the number of messages, and a filter without a series selects few rows to count.
 */
import type { Database } from 'better-sqlite3';
import { ALL_SERIES, DAY_SECONDS, HOUR_SECONDS, MINUTE_SECONDS, type Format } from '../format.js';

/** The part of a message that the rollups need. */
export interface Counted {
  sender: string;
  recipient: string;
  /** Epoch seconds. */
  ts: number;
}

export interface Rollups {
  /** Adds rows that this transaction inserted. */
  add(messages: readonly Counted[]): void;
  /** Subtracts rows that this transaction deleted. */
  remove(messages: readonly Counted[]): void;
  /** Call it after a rollback. */
  forget(): void;
}

const PARTIES = ['sender', 'recipient'] as const;
type Party = (typeof PARTIES)[number];

const bump = <K>(counts: Map<K, number>, key: K, by = 1): void => {
  counts.set(key, (counts.get(key) ?? 0) + by);
};

export function createRollups(
  database: Database,
  { seriesMessagesMin }: Pick<Format, 'seriesMessagesMin'>,
): Rollups {
  const addTo = (party: Party) =>
    database
      .prepare<[string, number], number>(
        `INSERT INTO ${party}_rollup (${party}, messages) VALUES (?, ?)
         ON CONFLICT (${party}) DO UPDATE SET messages = messages + excluded.messages RETURNING messages`,
      )
      .pluck();
  const addToParty = { sender: addTo('sender'), recipient: addTo('recipient') };
  const removeEmpty = (party: Party) =>
    database.prepare<[string]>(`DELETE FROM ${party}_rollup WHERE ${party} = ? AND messages <= 0`);
  const removeEmptyParty = { sender: removeEmpty('sender'), recipient: removeEmpty('recipient') };
  const addToBucket = database
    .prepare<[number, number, number, number], number>(
      `INSERT INTO buckets (series, seconds, start, messages) VALUES (?, ?, ?, ?)
       ON CONFLICT (series, seconds, start) DO UPDATE SET messages = messages + excluded.messages RETURNING messages`,
    )
    .pluck();
  const removeBucket = database.prepare<[number, number, number]>(
    'DELETE FROM buckets WHERE series = ? AND seconds = ? AND start = ?',
  );
  const readSeries = database.prepare<[], { id: number; sender: string; recipient: string }>(
    'SELECT id, sender, recipient FROM series',
  );
  const insertSeries = database.prepare<[string, string]>(
    'INSERT INTO series (sender, recipient) VALUES (?, ?)',
  );
  const hoursOf = (party: Party) =>
    database.prepare<[string], { other: string; start: number; messages: number }>(
      `SELECT ${party === 'sender' ? 'recipient' : 'sender'} AS other, ts / ${HOUR_SECONDS} * ${HOUR_SECONDS} AS start,
         count(*) AS messages
       FROM messages INDEXED BY messages_by_${party} WHERE ${party} = ? GROUP BY 1, 2`,
    );
  const hoursOfParty = { sender: hoursOf('sender'), recipient: hoursOf('recipient') };

  /** Ids by sender and recipient, where '' means any. Read again after a rollback. */
  let known: Map<string, Map<string, number>> | undefined;

  function series(): Map<string, Map<string, number>> {
    if (known !== undefined) return known;
    known = new Map();
    for (const { id, sender, recipient } of readSeries.all()) note(known, sender, recipient, id);
    return known;
  }

  function note(all: Map<string, Map<string, number>>, sender: string, recipient: string, id: number): void {
    let ofSender = all.get(sender);
    if (ofSender === undefined) all.set(sender, (ofSender = new Map()));
    ofSender.set(recipient, id);
  }

  const find = (sender: string, recipient: string): number | undefined =>
    series().get(sender)?.get(recipient);

  function findOrMake(sender: string, recipient: string): number {
    const found = find(sender, recipient);
    if (found !== undefined) return found;
    const id = Number(insertSeries.run(sender, recipient).lastInsertRowid);
    note(series(), sender, recipient, id);
    return id;
  }

  /** Number of messages by start of bucket, for one width. */
  class BucketCounts {
    private readonly bySeries = new Map<number, Map<number, number>>();

    add(id: number, start: number, by: number): void {
      let starts = this.bySeries.get(id);
      if (starts === undefined) this.bySeries.set(id, (starts = new Map()));
      bump(starts, start, by);
    }

    /** Writes buckets of `seconds` and returns the counts of the next wider ones. */
    write(seconds: number, wider: number | undefined): BucketCounts {
      const next = new BucketCounts();
      for (const [id, starts] of this.bySeries) {
        for (const [start, by] of starts) {
          if ((addToBucket.get(id, seconds, start, by) as number) <= 0) removeBucket.run(id, seconds, start);
          if (wider !== undefined) next.add(id, start - (start % wider), by);
        }
      }
      return next;
    }
  }

  function writeBuckets(hours: BucketCounts): void {
    hours.write(HOUR_SECONDS, DAY_SECONDS).write(DAY_SECONDS, undefined);
  }

  /** Counts the messages in the existing series. `by` is 1 or -1. */
  function countInSeries(messages: readonly Counted[], by: 1 | -1): void {
    const minutes = new BucketCounts();
    const hours = new BucketCounts();
    for (const { sender, recipient, ts } of messages) {
      minutes.add(ALL_SERIES, ts - (ts % MINUTE_SECONDS), by);
      const hour = ts - (ts % HOUR_SECONDS);
      const ofSender = find(sender, '');
      const ofRecipient = find('', recipient);
      if (ofSender !== undefined) hours.add(ofSender, hour, by);
      if (ofRecipient !== undefined) hours.add(ofRecipient, hour, by);
      if (ofSender !== undefined && ofRecipient !== undefined)
        hours.add(findOrMake(sender, recipient), hour, by);
    }
    writeBuckets(minutes.write(MINUTE_SECONDS, HOUR_SECONDS));
    writeBuckets(hours);
  }

  /** Creates the series of a sender or recipient, and of its pairs with parties that have one. Counts its rows. */
  function beginSeries(party: Party, name: string): void {
    const own = party === 'sender' ? findOrMake(name, '') : findOrMake('', name);
    const hours = new BucketCounts();
    for (const { other, start, messages } of hoursOfParty[party].all(name)) {
      hours.add(own, start, messages);
      const pair: [string, string] = party === 'sender' ? [name, other] : [other, name];
      const isPair = find(pair[0], '') !== undefined && find('', pair[1]) !== undefined;
      if (isPair) hours.add(findOrMake(...pair), start, messages);
    }
    writeBuckets(hours);
  }

  function countByParty(messages: readonly Counted[], party: Party): Map<string, number> {
    const counts = new Map<string, number>();
    for (const message of messages) bump(counts, message[party]);
    return counts;
  }

  return {
    add(messages) {
      // a new series counts its rows, which include these
      countInSeries(messages, 1);
      for (const party of PARTIES) {
        for (const [name, count] of countByParty(messages, party)) {
          const total = addToParty[party].get(name, count) as number;
          if (total < seriesMessagesMin) continue;
          const id = party === 'sender' ? find(name, '') : find('', name);
          if (id === undefined) beginSeries(party, name);
        }
      }
    },
    remove(messages) {
      countInSeries(messages, -1);
      for (const party of PARTIES) {
        for (const [name, count] of countByParty(messages, party)) {
          if ((addToParty[party].get(name, -count) as number) <= 0) removeEmptyParty[party].run(name);
        }
      }
    },
    forget() {
      known = undefined;
    },
  };
}
