/**
 * What Lyftr would be without its text index, rollups and plans: the same messages in one SQLite table with the indexes
 * that anybody would make, asked by the statements that anybody would write.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { databaseFile } from '@lyftr/store/sqlite/format';
import { fold } from '@lyftr/store/sqlite/fold';
import { PAGE_LIMIT, type Found, type Query, type Stats } from '../search/query.js';

const FILE = 'plain.db';
const MAKING_CACHE_KIB = 512 * 1_024;

const TABLE = `CREATE TABLE made.messages (
  message_id TEXT PRIMARY KEY,
  "from" TEXT NOT NULL,
  "to" TEXT NOT NULL,
  ts INTEGER NOT NULL,
  text TEXT NOT NULL,
  extra TEXT
)`;
const FILL = `INSERT INTO made.messages SELECT message_id, sender, recipient, ts, text, extra
  FROM main.messages ORDER BY seq`;
const INDEXES = [
  'CREATE INDEX made.messages_ts ON messages (ts, message_id)',
  'CREATE INDEX made.messages_from ON messages ("from")',
  'CREATE INDEX made.messages_to ON messages ("to")',
  // its planner chooses by these figures
  'ANALYZE made',
];

/** Makes the table from the database in `dataDir`, beside it, unless it is there. Returns its path. */
export function ensurePlain(dataDir: string): string {
  const file = join(dataDir, FILE);
  if (existsSync(file)) return file;
  // it has its name when it is finished
  const making = `${file}-making`;
  rmSync(making, { force: true });
  const database = new Database(databaseFile(dataDir));
  database.prepare('ATTACH ? AS made').run(making);
  // it can be made again: no journal
  database.pragma('made.journal_mode = OFF');
  database.pragma('made.synchronous = OFF');
  // holds the primary key of ten million messages, whose order is not that of their ids
  database.pragma(`made.cache_size = -${MAKING_CACHE_KIB}`);
  for (const sql of [TABLE, FILL, ...INDEXES]) database.exec(sql);
  database.close();
  renameSync(making, file);
  return file;
}

export interface Plain {
  /** `ms` of the page and the total. */
  find(query: Query): { ms: number; found: Found };
  /** As `find`, by Lyftr's definition of case; it calls a function for each row, so its time says nothing. */
  findFolded(query: Query): Found;
  stats(): { ms: number; stats: Stats };
  close(): void;
}

interface Condition {
  sql: string;
  value: string | number | undefined;
}

function conditionsOf({ q, from, to, since, until }: Query, folded: boolean): Condition[] {
  const pattern = q === undefined ? undefined : `%${q.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  const text = folded
    ? { sql: 'contains(text, ?)', value: q === undefined ? undefined : fold(q) }
    : { sql: String.raw`text LIKE ? ESCAPE '\'`, value: pattern };
  return [
    { sql: '"from" = ?', value: from },
    { sql: '"to" = ?', value: to },
    { sql: 'ts >= ?', value: since },
    { sql: 'ts < ?', value: until },
    text,
  ].filter(({ value }) => value !== undefined);
}

export function openPlain(file: string): Plain {
  const database = new Database(file, { readonly: true, fileMustExist: true });
  database.function('contains', { deterministic: true }, (text: unknown, needle: unknown) =>
    fold(text as string).includes(needle as string) ? 1 : 0,
  );

  function find(query: Query, folded = false): { ms: number; found: Found } {
    const conditions = conditionsOf(query, folded);
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.map(({ sql }) => sql).join(' AND ')}`;
    const values = conditions.map(({ value }) => value);
    const count = database.prepare<unknown[], number>(`SELECT COUNT(*) FROM messages ${where}`).pluck();
    const page = database.prepare<unknown[], { message_id: string }>(
      `SELECT message_id, "from", "to", ts, text, extra FROM messages ${where}
       ORDER BY ts ${query.order}, message_id ${query.order} LIMIT ? OFFSET ?`,
    );
    const startedAt = performance.now();
    const total = count.get(...values) as number;
    const rows = page.all(...values, PAGE_LIMIT, query.offset);
    const ms = performance.now() - startedAt;
    return { ms, found: { total, ids: rows.map(({ message_id }) => message_id) } };
  }

  const totals = database
    .prepare<[], [number, number]>('SELECT COUNT(*), COUNT(DISTINCT "from"), MIN(ts), MAX(ts) FROM messages')
    .raw();
  const bySender = database
    .prepare<[], [string, number]>(
      'SELECT "from", COUNT(*) AS n FROM messages GROUP BY "from" ORDER BY n DESC, "from" LIMIT 100',
    )
    .raw();

  return {
    find,
    findFolded: (query) => find(query, true).found,
    stats() {
      const startedAt = performance.now();
      const [total, senders] = totals.get() as [number, number];
      const top = bySender.all();
      return { ms: performance.now() - startedAt, stats: { total, senders, top } };
    },
    close: () => database.close(),
  };
}
