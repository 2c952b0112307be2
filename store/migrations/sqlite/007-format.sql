-- Thresholds by which writer, readers and audit count. They were constants of the program; a file keeps its own now.
CREATE TABLE format (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  -- a sender, a recipient or a pair of such has buckets of its own from this many messages on
  series_messages_min INTEGER NOT NULL,
  -- removals has a row for so many numbers of rows
  removals_part_rows INTEGER NOT NULL
) STRICT;
INSERT INTO format VALUES (1, 2000, 65536);
