-- Searches of one or two characters look up trigrams in the text index, so messages are no longer counted by them.
DROP TABLE grams;
ALTER TABLE text_index DROP COLUMN grams_watermark;
DROP TABLE message_trigrams;
CREATE VIRTUAL TABLE message_trigrams USING fts5vocab (message_text, instance);

-- A row for each million characters that the text index holds: a search is asked for a bounded amount of text at a time.
CREATE TABLE text_marks (
  seq INTEGER PRIMARY KEY        -- last row of the million
) STRICT;

ALTER TABLE text_index ADD COLUMN characters INTEGER NOT NULL DEFAULT 0;   -- behind the last mark

INSERT INTO text_marks (seq)
  SELECT max(seq)
  FROM (
    SELECT seq, sum(length(text)) OVER (ORDER BY seq) / 1000000 AS million FROM messages
    WHERE seq <= (SELECT watermark FROM text_index)
  )
  GROUP BY million;

-- How many messages retention has removed, by 65,536 rows: a search counts again only where some were removed.
CREATE TABLE removals (
  part     INTEGER PRIMARY KEY,  -- seq / 65536
  messages INTEGER NOT NULL
) STRICT;
