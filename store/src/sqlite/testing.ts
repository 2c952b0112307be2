/** Creates a database like the writer's, with separate code. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Message } from '@lyftr/shared/message';
import type { Outcome } from '@lyftr/shared/outcomes';
import type { Filter } from './read/conditions.js';
import { fold, indexed } from './fold.js';
import { COUNTED_BUCKETS, databaseFile, readFormat, SCHEMA_VERSION } from './format.js';

const MIGRATIONS = new URL('../../migrations/sqlite/', import.meta.url);

export interface TestDirectory {
  path: string;
  remove(): void;
}

export function temporaryDirectory(): TestDirectory {
  const path = mkdtempSync(join(tmpdir(), 'lyftr-store-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** A message, and the source that it came by. */
export type TestMessage = Message & { source?: string | undefined };

export interface TestWriter {
  database: Database.Database;
  /** Stores messages, with rollups and counters. */
  insert(messages: readonly TestMessage[]): void;
  /** Creates the buckets of a sender, a recipient (the other is '') or a pair, as the writer does for many messages. */
  makeSeries(sender: string, recipient: string): void;
  /** Moves the watermark of the text index to `seq`, with a mark at each row. */
  indexUpTo(seq: number): void;
  /** Counts deliveries as settled, with the next numbers of the producer. Does not change rows. */
  settle(producer: string, outcome: Outcome, deliveries: number): void;
  /** Removes messages as retention does. */
  remove(messages: readonly Message[]): void;
  /** Removes every message. */
  clear(): void;
  close(): void;
}

/** Creates a file with the writer's tables at `databaseFile(directory)`. */
export function createDatabase(directory: string): TestWriter {
  const database = new Database(databaseFile(directory));
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = OFF');
  database.transaction(() => {
    for (const file of readdirSync(MIGRATIONS).toSorted())
      database.exec(readFileSync(new URL(file, MIGRATIONS), 'utf8'));
    database.pragma(`user_version = ${SCHEMA_VERSION}`);
  })();
  const insert = database.prepare(
    'INSERT INTO messages (message_id, sender, recipient, ts, text, extra, source) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const rollUp = [
    `INSERT INTO sender_rollup VALUES (@from, 1) ON CONFLICT DO UPDATE SET messages = messages + 1`,
    `INSERT INTO recipient_rollup VALUES (@to, 1) ON CONFLICT DO UPDATE SET messages = messages + 1`,
    `UPDATE counters SET value = value + 1 WHERE name = 'created'`,
  ].map((sql) => database.prepare(sql));
  /** Rebuilds the buckets, with the series that `makeSeries` created. */
  const countBuckets = (): void => {
    database.exec(
      `DELETE FROM buckets; INSERT INTO buckets (series, seconds, start, messages) ${COUNTED_BUCKETS}`,
    );
  };
  return {
    database,
    makeSeries(sender, recipient) {
      database
        .prepare('INSERT OR IGNORE INTO series (sender, recipient) VALUES (?, ?)')
        .run(sender, recipient);
      countBuckets();
    },
    insert: database.transaction((messages: readonly TestMessage[]) => {
      for (const message of messages) {
        const { message_id, from, to, ts, text, extra, source = null } = message;
        insert.run(
          message_id,
          from,
          to,
          ts,
          text,
          extra === undefined ? null : JSON.stringify(extra),
          source,
        );
        for (const statement of rollUp) statement.run({ from, to });
      }
      countBuckets();
    }),
    indexUpTo: database.transaction((seq: number) => {
      const rows = database
        .prepare('SELECT seq, text FROM messages WHERE seq > (SELECT watermark FROM text_index) AND seq <= ?')
        .all(seq) as { seq: number; text: string }[];
      const index = database.prepare('INSERT INTO message_text (rowid, folded) VALUES (?, ?)');
      const mark = database.prepare('INSERT INTO text_marks (seq) VALUES (?)');
      for (const row of rows) {
        if (row.text !== '') index.run(BigInt(row.seq), indexed(fold(row.text)));
        mark.run(row.seq);
      }
      database.prepare('UPDATE text_index SET watermark = max(watermark, ?)').run(seq);
    }),
    settle: database.transaction((producer: string, outcome: Outcome, deliveries: number) => {
      const last = database
        .prepare('SELECT coalesce(max(last), 0) FROM ledger_ranges WHERE producer = ?')
        .pluck()
        .get(producer) as number;
      database
        .prepare('INSERT INTO ledger_ranges (producer, first, last) VALUES (?, ?, ?)')
        .run(producer, last + 1, last + deliveries);
      database.prepare('UPDATE counters SET value = value + ? WHERE name = ?').run(deliveries, outcome);
    }),
    remove: database.transaction((messages: readonly Message[]) => {
      const remove = database.prepare('DELETE FROM messages WHERE message_id = ? RETURNING seq').pluck();
      const watermark = database.prepare('SELECT watermark FROM text_index').pluck().get() as number;
      const takeOut = database.prepare(
        "INSERT INTO message_text (message_text, rowid, folded) VALUES ('delete', ?, ?)",
      );
      const { removalsPartRows } = readFormat(database);
      const note = database.prepare(
        'INSERT INTO removals VALUES (?, 1) ON CONFLICT DO UPDATE SET messages = messages + 1',
      );
      for (const { message_id, text } of messages) {
        const seq = remove.get(message_id) as number;
        note.run(Math.floor(seq / removalsPartRows));
        if (text !== '' && seq <= watermark) takeOut.run(BigInt(seq), indexed(fold(text)));
      }
      database.exec(`DELETE FROM sender_rollup; DELETE FROM recipient_rollup;
        INSERT INTO sender_rollup SELECT sender, count(*) FROM messages GROUP BY 1;
        INSERT INTO recipient_rollup SELECT recipient, count(*) FROM messages GROUP BY 1`);
      countBuckets();
      database.prepare("UPDATE counters SET value = value + ? WHERE name = 'removed'").run(messages.length);
    }),
    clear: database.transaction(() => {
      database.exec(`DELETE FROM messages; DELETE FROM sender_rollup; DELETE FROM recipient_rollup; DELETE FROM buckets;
        DELETE FROM series WHERE id > 0; DELETE FROM text_marks; DELETE FROM removals;
        UPDATE counters SET value = 0; UPDATE text_index SET watermark = 0;
        INSERT INTO message_text (message_text) VALUES ('delete-all')`);
    }),
    close: () => {
      database.close();
    },
  };
}

/** A filter with only the given members. */
export const selecting = ({ q, ...given }: Partial<Filter> & { q?: string | undefined }): Filter => ({
  from: undefined,
  to: undefined,
  since: undefined,
  until: undefined,
  source: undefined,
  needle: q === undefined || q === '' ? undefined : fold(q),
  ...given,
});
