-- Totals of any time range, and deep offsets, without counting rows: messages per bucket of time. A series is all
-- messages (0), or those of one sender, one recipient, or one of each. The others are kept once their sender, recipient,
-- or both have SERIES_MESSAGES_MIN messages: below, counting the rows in their index is as quick.
CREATE TABLE series (
  id        INTEGER PRIMARY KEY,
  sender    TEXT NOT NULL,       -- '' for any
  recipient TEXT NOT NULL        -- '' for any
) STRICT;

CREATE UNIQUE INDEX series_by_parties ON series (sender, recipient);

INSERT INTO series (id, sender, recipient) VALUES (0, '', '');

CREATE TABLE buckets (
  series   INTEGER NOT NULL,
  seconds  INTEGER NOT NULL,     -- width: 86400 and 3600, for all messages also 60
  start    INTEGER NOT NULL,     -- epoch seconds, a multiple of the width
  messages INTEGER NOT NULL,
  PRIMARY KEY (series, seconds, start)
) STRICT, WITHOUT ROWID;

CREATE TABLE recipient_rollup (
  recipient TEXT PRIMARY KEY,
  messages  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO recipient_rollup (recipient, messages) SELECT recipient, count(*) FROM messages GROUP BY recipient;

INSERT INTO series (sender, recipient) SELECT sender, '' FROM sender_rollup WHERE messages >= 2000;
INSERT INTO series (sender, recipient) SELECT '', recipient FROM recipient_rollup WHERE messages >= 2000;
INSERT INTO series (sender, recipient)
  SELECT DISTINCT sender, recipient FROM messages
  WHERE sender IN (SELECT sender FROM sender_rollup WHERE messages >= 2000)
    AND recipient IN (SELECT recipient FROM recipient_rollup WHERE messages >= 2000);

INSERT INTO buckets (series, seconds, start, messages)
  SELECT 0, width.value, ts / width.value * width.value, count(*)
  FROM json_each('[86400, 3600, 60]') AS width, messages GROUP BY 2, 3;
INSERT INTO buckets (series, seconds, start, messages)
  SELECT series.id, width.value, ts / width.value * width.value, count(*)
  FROM json_each('[86400, 3600]') AS width CROSS JOIN messages AS m CROSS JOIN series
  WHERE series.sender = m.sender AND series.recipient = '' GROUP BY 1, 2, 3
  UNION ALL
  SELECT series.id, width.value, ts / width.value * width.value, count(*)
  FROM json_each('[86400, 3600]') AS width CROSS JOIN messages AS m CROSS JOIN series
  WHERE series.sender = '' AND series.recipient = m.recipient GROUP BY 1, 2, 3
  UNION ALL
  SELECT series.id, width.value, ts / width.value * width.value, count(*)
  FROM json_each('[86400, 3600]') AS width CROSS JOIN messages AS m CROSS JOIN series
  WHERE series.sender = m.sender AND series.recipient = m.recipient GROUP BY 1, 2, 3;

DROP TABLE hour_rollup;

-- Messages by each single character and each pair of neighbours in their folded text: what a trigram index cannot count.
-- They have a watermark of their own, for they are counted in larger steps. The text index now ends every text with two U+FFFD, so that such a search is also the beginning of a trigram.
CREATE TABLE grams (
  gram     TEXT PRIMARY KEY,
  messages INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE VIRTUAL TABLE message_trigrams USING fts5vocab (message_text, row);

-- built anew by the writer
INSERT INTO message_text (message_text) VALUES ('delete-all');
UPDATE text_index SET watermark = 0;
ALTER TABLE text_index ADD COLUMN grams_watermark INTEGER NOT NULL DEFAULT 0;   -- highest seq that grams count

-- Messages that retention has removed: created - removed is the number of rows.
INSERT INTO counters (name, value) VALUES ('removed', 0);
