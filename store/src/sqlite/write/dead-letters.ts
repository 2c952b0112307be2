import type { Database } from 'better-sqlite3';
import type { DeadLetterKind } from '@lyftr/shared/outcomes';
import type { UnmappedDelivery } from '../../delivery.js';

export interface NewDeadLetter {
  kind: DeadLetterKind;
  /** The reason, for a person. */
  reason: string;
  /** The JSON text from the queue: a message tuple or a whole envelope. Of a delivery, its body. */
  raw: string;
  messageId?: string;
  /** Epoch milliseconds. */
  receivedAt: number;
  source?: string | undefined;
  delivery?: UnmappedDelivery;
}

export interface DeadLetters {
  /** Call it inside the transaction of the batch. */
  add(letter: NewDeadLetter): void;
  /** Returns false when the dead letter does not exist. */
  discard(id: number): boolean;
}

export function createDeadLetters(database: Database): DeadLetters {
  const insert = database.prepare<
    [string, string, string, string | null, number, string | null, string | null]
  >(
    `INSERT INTO dead_letters (kind, reason, raw, message_id, received_at, source, delivery)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const remove = database.prepare<[number]>('DELETE FROM dead_letters WHERE id = ?');
  return {
    add({ kind, reason, raw, messageId, receivedAt, source, delivery }) {
      const head = delivery === undefined ? null : JSON.stringify(delivery);
      insert.run(kind, reason, raw, messageId ?? null, receivedAt, source ?? null, head);
    },
    discard: (id) => remove.run(id).changes === 1,
  };
}
