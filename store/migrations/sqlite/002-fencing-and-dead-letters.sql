-- Fencing: a writer raises the epoch when it takes over, and checks it inside every transaction. One that was only
-- paused while it was replaced finds another number, and cannot commit.
CREATE TABLE writer_epoch (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  epoch    INTEGER NOT NULL,
  instance TEXT NOT NULL         -- who raised it last
) STRICT;

INSERT INTO writer_epoch (id, epoch, instance) VALUES (1, 0, '');

-- What kind of thing was put aside: corrupt_envelope, unstorable_message, conflicting_duplicate.
ALTER TABLE dead_letters ADD COLUMN kind TEXT NOT NULL DEFAULT 'unstorable_message';
ALTER TABLE dead_letters ADD COLUMN message_id TEXT;

-- A duplicate with another content than the message that is stored. It is counted as a duplicate, and here.
INSERT INTO counters (name, value) VALUES ('conflicting_duplicate', 0);
