-- The producer '_finished' stands for all that have finished: its settled is the sum of their column finished. Redis lists
-- them no more, but their rows stay: a batch that comes again, and a process that comes back, are known by them.
ALTER TABLE producers ADD COLUMN finished INTEGER NOT NULL DEFAULT 0;      -- of settled, what '_finished' holds

-- Messages that were acknowledged and given up, by an operator's word: accepted = settled + written_off + waiting.
ALTER TABLE producers ADD COLUMN written_off INTEGER NOT NULL DEFAULT 0;
INSERT INTO counters (name, value) VALUES ('written_off', 0);

-- Their batches. One that comes after all is stored, and its messages are no longer written off.
CREATE TABLE written_off_ranges (
  producer  TEXT NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq  INTEGER NOT NULL,
  PRIMARY KEY (producer, first_seq)
) STRICT, WITHOUT ROWID;
