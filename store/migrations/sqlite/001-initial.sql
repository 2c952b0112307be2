-- One message a row. seq is the order of arrival and the row number in the text index; it is never used again.
CREATE TABLE messages (
  seq        INTEGER PRIMARY KEY,
  message_id TEXT NOT NULL,
  sender     TEXT NOT NULL,
  recipient  TEXT NOT NULL,
  ts         INTEGER NOT NULL,
  text       TEXT NOT NULL,
  extra      TEXT               -- a JSON object, or NULL when the message had no other members
) STRICT;

CREATE UNIQUE INDEX messages_by_id ON messages (message_id);
CREATE INDEX messages_by_time ON messages (ts, message_id);
CREATE INDEX messages_by_sender ON messages (sender, ts, message_id);
CREATE INDEX messages_by_recipient ON messages (recipient, ts, message_id);

-- Outcomes of all deliveries: created, duplicate, dead_letter. Updated in the transaction that decides them.
CREATE TABLE counters (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counters (name, value) VALUES ('created', 0), ('duplicate', 0), ('dead_letter', 0);

-- Rollups: messages per sender, and per hour of ts (hour = ts / 3600).
CREATE TABLE sender_rollup (
  sender   TEXT PRIMARY KEY,
  messages INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sender_rollup_by_messages ON sender_rollup (messages DESC, sender);

CREATE TABLE hour_rollup (
  hour     INTEGER PRIMARY KEY,
  messages INTEGER NOT NULL
) STRICT;

-- The ledger: what the writer has settled of each producer, and which of its batches, as ranges without holes.
-- A batch that comes again (its job was not completed before a crash) is recognised by its number.
CREATE TABLE producers (
  producer TEXT PRIMARY KEY,
  settled  INTEGER NOT NULL      -- messages
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger_ranges (
  producer  TEXT NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq  INTEGER NOT NULL,
  PRIMARY KEY (producer, first_seq)
) STRICT, WITHOUT ROWID;

-- Envelopes and messages that cannot be stored for their own sake.
CREATE TABLE dead_letters (
  id          INTEGER PRIMARY KEY,
  reason      TEXT NOT NULL,
  raw         TEXT NOT NULL,
  received_at INTEGER NOT NULL   -- epoch milliseconds
) STRICT;

-- The text index runs behind the rows: it holds every seq up to the watermark. Its text is folded by the writer,
-- so the tokenizer must not fold again. It keeps no copy of the text: to remove a row, FTS5 is given the old text.
CREATE VIRTUAL TABLE message_text USING fts5 (
  folded,
  content = '',
  columnsize = 0,
  tokenize = 'trigram case_sensitive 1'
);

CREATE TABLE text_index (
  id        INTEGER PRIMARY KEY CHECK (id = 1),
  watermark INTEGER NOT NULL     -- highest seq that message_text holds
) STRICT;

INSERT INTO text_index (id, watermark) VALUES (1, 0);
