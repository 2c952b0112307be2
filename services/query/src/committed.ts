/** Which batches the database accounts for, and which of those that were acknowledged it does not. */
import type { Redis } from 'ioredis';
import { findMissing, type Batches } from '@lyftr/shared/missing';
import type { Reader, Store } from './store.js';

/** Committed or written off, of these producers: the database keeps every producer there ever was. */
export function readAccounted(reader: Reader, producers: readonly string[]): Batches {
  const rows = reader.all(
    `SELECT producer, first_seq, last_seq FROM ledger_ranges
     WHERE producer IN (SELECT value FROM json_each(:producers))
     UNION ALL
     SELECT producer, first_seq, last_seq FROM written_off_ranges
     WHERE producer IN (SELECT value FROM json_each(:producers))
     ORDER BY producer, first_seq`,
    { producers: JSON.stringify(producers) },
  );
  const accounted: Batches = new Map();
  for (const { producer, first_seq, last_seq } of rows as {
    producer: string;
    first_seq: number;
    last_seq: number;
  }[]) {
    const ranges = accounted.get(producer) ?? [];
    ranges.push([first_seq, last_seq]);
    accounted.set(producer, ranges);
  }
  return accounted;
}

/** By producer; undefined when it cannot be told now. Rejects when Redis or the database does not answer. */
export function readMissing(redis: Redis, store: Store): Promise<Batches | undefined> {
  return findMissing(redis, (producers) => store.read((reader) => readAccounted(reader, producers)));
}
