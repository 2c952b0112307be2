-- Ingest numbers its messages, not its batches, so the ranges of the ledger count messages. What was settled before is
-- known by its count alone: 'carried'. It counts as accepted. What was written off before is not counted any more.
INSERT INTO counters (name, value)
  SELECT 'carried', sum(value) FROM counters WHERE name IN ('created', 'duplicate', 'dead_letter');
UPDATE counters SET value = 0 WHERE name = 'written_off';

DROP TABLE producers;
DROP TABLE ledger_ranges;
DROP TABLE written_off_ranges;

-- The numbers of the messages that are committed, by producer, as ranges without holes. A batch that comes again (its job
-- was not completed before a crash) is recognised by them.
CREATE TABLE ledger_ranges (
  producer TEXT NOT NULL,
  first    INTEGER NOT NULL,
  last     INTEGER NOT NULL,
  PRIMARY KEY (producer, first)
) STRICT, WITHOUT ROWID;

-- The numbers of the messages that an operator has written off. One that is stored after all leaves them. Those of which
-- no number was known are numbered under the producer '_unnamed'.
CREATE TABLE written_off_ranges (
  producer TEXT NOT NULL,
  first    INTEGER NOT NULL,
  last     INTEGER NOT NULL,
  PRIMARY KEY (producer, first)
) STRICT, WITHOUT ROWID;

-- When retention looked last, by the wall clock. A clock that is far ahead of it may have jumped.
CREATE TABLE retention_clock (
  id      INTEGER PRIMARY KEY CHECK (id = 1),
  seen_at INTEGER NOT NULL       -- epoch seconds
) STRICT;
