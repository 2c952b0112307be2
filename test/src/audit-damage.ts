/** Ways to damage a database that holds messages `audit-N` from senders `sender-0` to `sender-6`, all of them indexed. */

/** `sql` does the damage, `found` names the checks that find it. */
export type Damage = [what: string, sql: string, found: string[]];

/** Damage to what is derived from the messages. */
export const REPAIRABLE: readonly Damage[] = [
  [
    'a counter too high',
    "UPDATE counters SET value = value + 1 WHERE name = 'created'",
    ['created', 'ledger'],
  ],
  ['a counter that is gone', "DELETE FROM counters WHERE name = 'created'", ['created', 'ledger']],
  [
    'a sender miscounted',
    "UPDATE sender_rollup SET messages = 1 WHERE sender = 'sender-3'",
    ['sender rollup'],
  ],
  ['a sender that is gone', "DELETE FROM sender_rollup WHERE sender = 'sender-3'", ['sender rollup']],
  ['a sender without messages', "INSERT INTO sender_rollup VALUES ('nobody', 0)", ['sender rollup']],
  ['a recipient miscounted', 'UPDATE recipient_rollup SET messages = messages + 1', ['recipient rollup']],
  ['a bucket miscounted', 'UPDATE buckets SET messages = messages + 1 WHERE seconds = 3600', ['buckets']],
  ['buckets that are gone', 'DELETE FROM buckets', ['buckets']],
  ['a series that is gone', 'DELETE FROM series', ['buckets']],
  [
    'a row taken out of the text index',
    `INSERT INTO message_text (message_text, rowid, folded)
     SELECT 'delete', seq, upper(text) || char(65533, 65533) FROM messages WHERE seq = 42`,
    ['text index'],
  ],
  [
    'a watermark above what is indexed',
    `INSERT INTO message_text (message_text, rowid, folded)
     SELECT 'delete', seq, upper(text) || char(65533, 65533) FROM messages WHERE text <> '' ORDER BY seq DESC LIMIT 5`,
    ['text index'],
  ],
  ['a watermark below what is indexed', 'UPDATE text_index SET watermark = watermark - 50', ['text index']],
  ['a watermark that is gone', 'DELETE FROM text_index', ['text index']],
  [
    'an indexed row that is none',
    "INSERT INTO message_text (rowid, folded) VALUES (99999, 'HELLO NUMBER')",
    ['text index'],
  ],
  ['an index that is damaged', 'DELETE FROM message_text_data WHERE id > 10', ['text index']],
  ['a text changed by hand', "UPDATE messages SET text = 'quite another' WHERE seq = 42", ['text index']],
];

/** Damage to what nothing else could tell. */
export const BEYOND_REPAIR: readonly Damage[] = [
  [
    'an id twice',
    `DROP INDEX messages_by_id;
     UPDATE messages SET message_id = 'audit-1' WHERE message_id = 'audit-2'`,
    ['ids'],
  ],
  ['numbers that are not settled', 'UPDATE ledger_ranges SET last = last + 1', ['ledger']],
  ['a count of what was written off', "UPDATE counters SET value = 1 WHERE name = 'written_off'", ['ledger']],
  [
    'messages that are settled and written off',
    `INSERT INTO written_off_ranges SELECT producer, first, first FROM ledger_ranges LIMIT 1;
     UPDATE counters SET value = 1 WHERE name = 'written_off'`,
    ['ledger'],
  ],
  [
    'ranges that overlap',
    'INSERT INTO ledger_ranges SELECT producer, first + 1, last FROM ledger_ranges',
    ['ledger'],
  ],
];
