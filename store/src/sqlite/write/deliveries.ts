/** Stores and removes deliveries of sources. Runs inside the transactions of the store. */
import type { Database } from 'better-sqlite3';
import {
  outcomesOf,
  requestIdAt,
  type MappedDelivery,
  type ReadBatch,
  type SourceDelivery,
} from '@lyftr/shared/batch';
import { FANOUT, UNMAPPED_DELIVERY } from '@lyftr/shared/outcomes';
import type { DeadLetters } from './dead-letters.js';
import type { CommitTotals, Messages, OldRow } from './messages.js';

export interface Deliveries {
  /**
   * Stores the messages of a delivery, the delivery itself when one of them is new, and a dead letter when something is
   * left over. `index` is its place in the batch.
   */
  store(mapped: MappedDelivery, batch: ReadBatch, index: number, totals: CommitTotals): void;
  /** Call it for rows that this transaction removes. Removes the deliveries that have no other rows. */
  release(rows: readonly OldRow[]): void;
}

type InsertParameters = [
  id: number,
  messages: number,
  source: string,
  scheme: string,
  key: string,
  deliveryId: string,
  verifiedAt: number,
  signedAt: number | null,
  contentType: string,
  headers: string,
  imported: number,
  body: Buffer,
];

/** What a person reads. The pointers are in the letter. */
function reasonOf({ leftovers, fault }: MappedDelivery): string {
  if (fault !== undefined) return fault;
  if (leftovers.length > 1) return `the mapping has no rule for ${leftovers.length} parts of the body`;
  return `the mapping has no rule for ${leftovers[0] === '' ? 'the body' : '1 part of the body'}`;
}

export function createDeliveries(
  database: Database,
  messages: Messages,
  deadLetters: DeadLetters,
): Deliveries {
  const insert = database.prepare<InsertParameters>(
    `INSERT INTO deliveries (id, messages, source, scheme, key, delivery_id, verified_at, signed_at, content_type, headers,
       imported, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const keep = database.prepare<[number, number]>('UPDATE deliveries SET messages = ? WHERE id = ?');
  const remove = database.prepare<[number]>('DELETE FROM deliveries WHERE id = ?');

  function add(id: number, created: number, sent: SourceDelivery): void {
    insert.run(
      id,
      created,
      sent.source,
      sent.scheme,
      sent.key,
      sent.id,
      sent.verifiedAt,
      sent.signedAt ?? null,
      sent.contentType,
      JSON.stringify(sent.headers),
      sent.imported === true ? 1 : 0,
      Buffer.from(sent.body, sent.encoding ?? 'utf8'),
    );
  }

  function putAside(mapped: MappedDelivery, batch: ReadBatch, index: number, totals: CommitTotals): void {
    const { delivery: sent, leftovers } = mapped;
    deadLetters.add({
      kind: UNMAPPED_DELIVERY,
      reason: reasonOf(mapped),
      raw: sent.body,
      receivedAt: batch.at,
      source: sent.source,
      delivery: {
        scheme: sent.scheme,
        key: sent.key,
        id: sent.id,
        verified_at: sent.verifiedAt,
        signed_at: sent.signedAt ?? null,
        content_type: sent.contentType,
        headers: sent.headers,
        imported: sent.imported === true,
        encoding: sent.encoding ?? null,
        pointers: leftovers,
      },
    });
    totals.outcomes.dead_letter++;
    totals.aside.push({ kind: UNMAPPED_DELIVERY, requestId: requestIdAt(batch, index) });
  }

  return {
    store(mapped, batch, index, totals) {
      const { source } = mapped.delivery;
      // the number of its first row: row numbers are never used again, so this one is not either
      const id = messages.lastSeq() + 1;
      let created = 0;
      for (const { tuple, tsIsOfDelivery } of mapped.messages) {
        const origin = { batch, index, delivery: { id, source, tsIsOfDelivery } };
        if (messages.store(tuple, origin, totals)) created++;
      }
      if (created > 0) add(id, created, mapped.delivery);
      if (mapped.leftovers.length > 0) putAside(mapped, batch, index, totals);
      totals.outcomes[FANOUT] += outcomesOf(mapped) - 1;
    },
    release(rows) {
      const left = new Map<number, number>();
      for (const { delivery, siblings } of rows) {
        if (delivery !== null) left.set(delivery, (left.get(delivery) ?? siblings ?? 0) - 1);
      }
      for (const [id, count] of left) {
        if (count > 0) keep.run(count, id);
        else remove.run(id);
      }
    },
  };
}
