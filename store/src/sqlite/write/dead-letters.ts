import type { Database } from 'better-sqlite3';
import type { DeadLetterKind } from '@lyftr/shared/outcomes';

export interface NewDeadLetter {
  kind: DeadLetterKind;
  /** The reason, for a person. */
  reason: string;
  /** The JSON text from the queue: a message tuple or a whole envelope. */
  raw: string;
  messageId?: string;
  /** Epoch milliseconds. */
  receivedAt: number;
}

export interface DeadLetters {
  /** Call it inside the transaction of the batch. */
  add(letter: NewDeadLetter): void;
  /** Returns false when the dead letter does not exist. */
  discard(id: number): boolean;
}

export function createDeadLetters(database: Database): DeadLetters {
  const insert = database.prepare<[string, string, string, string | null, number]>(
    'INSERT INTO dead_letters (kind, reason, raw, message_id, received_at) VALUES (?, ?, ?, ?, ?)',
  );
  const remove = database.prepare<[number]>('DELETE FROM dead_letters WHERE id = ?');
  return {
    add({ kind, reason, raw, messageId, receivedAt }) {
      insert.run(kind, reason, raw, messageId ?? null, receivedAt);
    },
    discard: (id) => remove.run(id).changes === 1,
  };
}
