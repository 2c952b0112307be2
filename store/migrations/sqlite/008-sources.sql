-- Deliveries of sources, as they came. A delivery is kept as long as one of its messages is.
CREATE TABLE deliveries (
  id           INTEGER PRIMARY KEY,  -- seq of the first message that it created: never used again
  messages     INTEGER NOT NULL,     -- rows of messages that belong to it
  source       TEXT NOT NULL,
  scheme       TEXT NOT NULL,
  key          TEXT NOT NULL,        -- id of the key that verified it
  delivery_id  TEXT NOT NULL,
  verified_at  INTEGER NOT NULL,     -- epoch milliseconds
  signed_at    INTEGER,              -- epoch milliseconds, or NULL when the scheme signs no time
  content_type TEXT NOT NULL,
  headers      TEXT NOT NULL,        -- a JSON object
  imported     INTEGER NOT NULL,     -- 1 when it came from an export file, otherwise 0
  body         BLOB NOT NULL         -- the bytes as they came
) STRICT;

-- NULL for messages that came by /webhook or /webhook/batch. Adding a column changes no row.
ALTER TABLE messages ADD COLUMN source TEXT;
ALTER TABLE messages ADD COLUMN delivery INTEGER;

-- Has every column of a filter, so that messages of a source are counted without reading their rows.
CREATE INDEX messages_by_source ON messages (source, ts, message_id, sender, recipient) WHERE source IS NOT NULL;

ALTER TABLE dead_letters ADD COLUMN source TEXT;
-- Of an unmapped_delivery: a JSON object with what a replay needs besides the body. The body is in raw.
ALTER TABLE dead_letters ADD COLUMN delivery TEXT;

-- Sum of (outcomes - 1) over all settled deliveries. A delivery has one number and may have many outcomes.
INSERT INTO counters (name, value) VALUES ('fanout', 0);
