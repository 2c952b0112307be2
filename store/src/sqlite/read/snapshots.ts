/** Read-only connections: one snapshot per answer, of whatever file is there now. */
import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { readFormat, SCHEMA_VERSION, type Format } from '../format.js';
import { ProblemError } from '@lyftr/shared/errors';
import { fold } from '../fold.js';

/**
 * Readers of a WAL file wait for a lock only while the log is being recovered. The wait blocks every other
 * request of this process, so it is short.
 */
const BUSY_MS = 1_000;
const CACHE_KIB = 32 * 1_024;
/** Pages of the file are read where they lie in the system's cache, not copied. */
const MMAP_BYTES = 64 * 2 ** 30;

/**
 * Runs statements by their text. Parameters are named, and those that a statement does not use are ignored. Rows are
 * objects with a member per column, as STRICT tables hold them; `get` returns undefined when there is none.
 */
export interface Reader {
  get(sql: string, parameters?: object): unknown;
  all(sql: string, parameters?: object): unknown[];
  /** Its rows one by one. No other statement of the same text may run meanwhile. */
  iterate(sql: string, parameters?: object): IterableIterator<unknown>;
}

/** One state of the database, until `end` is called. */
export interface Snapshot {
  reader: Reader;
  format: Format;
  end(): void;
}

/** When a read has to end. */
export interface Limit {
  isOver(): boolean;
}

const NO_LIMIT: Limit = { isOver: () => false };

/** What `in_time()` in a statement throws when the limit of its read is over. */
export class TimeoutError extends Error {
  constructor() {
    super('the read took too long');
    this.name = 'TimeoutError';
  }
}

interface Connection {
  database: Database.Database;
  /** Tells the file apart from another one that has taken its place: a restored backup, a wiped directory. */
  inode: number;
  reader: Reader;
  /** Read with the first snapshot: until then the file may be of another version. */
  format: Format | undefined;
  limit: Limit;
}

function connect(file: string, inode: number): Connection {
  const database = new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
  database.pragma(`cache_size = -${CACHE_KIB}`);
  database.pragma(`mmap_size = ${MMAP_BYTES}`);
  database.pragma('temp_store = MEMORY');
  // SQL is put together from a bounded set of parts, so this map is bounded too
  const statements = new Map<string, Database.Statement>();
  const prepared = (sql: string): Database.Statement => {
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = database.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
  database.function('contains', { deterministic: true }, (text: unknown, needle: unknown) =>
    fold(text as string).includes(needle as string) ? 1 : 0,
  );
  const connection: Connection = {
    database,
    inode,
    format: undefined,
    limit: NO_LIMIT,
    reader: {
      get: (sql, parameters = {}) => prepared(sql).get(parameters),
      all: (sql, parameters = {}) => prepared(sql).all(parameters),
      iterate: (sql, parameters = {}) => prepared(sql).iterate(parameters),
    },
  };
  database.function('in_time', { deterministic: false }, () => {
    if (connection.limit.isOver()) throw new TimeoutError();
    return 1;
  });
  return connection;
}

const reason = (error: unknown): string =>
  `cannot be read (${(error as { code?: string }).code ?? 'no error code'}): check DATA_DIR and its permissions`;

export class Snapshots {
  /** Path of the database file. */
  readonly file: string;
  /** A connection that no snapshot is using. Only snapshots that are open at the same time need another one. */
  #idle: Connection | undefined;

  constructor(file: string) {
    this.file = file;
  }

  /** `ok`, or what is wrong and what would mend it. */
  state(): string {
    try {
      this.read(() => undefined);
      return 'ok';
    } catch (error) {
      return error instanceof ProblemError ? error.message : reason(error);
    }
  }

  /**
   * A read transaction: whatever is read in it belongs together. It holds back the writer's log until it is ended. Throws
   * ProblemError `not-ready` until there is a database of this version; a later try can succeed.
   * Statements with `in_time()` throw TimeoutError once the limit is over.
   */
  snapshot(limit = NO_LIMIT): Snapshot {
    const connection = this.#connect();
    const { database, reader } = connection;
    connection.limit = limit;
    try {
      database.exec('BEGIN');
      const { user_version: version } = reader.get('PRAGMA user_version') as { user_version: number };
      if (version !== SCHEMA_VERSION)
        return this.#refuse(
          `has schema version ${version}, but this service needs ${SCHEMA_VERSION}. Start the writer of the same Lyftr version, which migrates the database`,
        );
      connection.format ??= readFormat(database);
    } catch (error) {
      database.close();
      throw error;
    }
    return {
      reader,
      format: connection.format,
      end: () => {
        // an error of the disk ends it too
        if (database.inTransaction) database.exec('COMMIT');
        if (this.#idle === undefined) this.#idle = connection;
        else database.close();
      },
    };
  }

  /** Runs `work` in a snapshot. */
  read<T>(work: (reader: Reader, format: Format) => T, limit = NO_LIMIT): T {
    const snapshot = this.snapshot(limit);
    try {
      return work(snapshot.reader, snapshot.format);
    } finally {
      snapshot.end();
    }
  }

  close(): void {
    this.#idle?.database.close();
    this.#idle = undefined;
  }

  #connect(): Connection {
    const inode = statSync(this.file, { throwIfNoEntry: false })?.ino;
    const idle = this.#idle;
    this.#idle = undefined;
    if (idle !== undefined && idle.inode === inode) return idle;
    idle?.database.close();
    if (inode === undefined) return this.#refuse('does not exist yet. The writer creates it when it starts');
    try {
      return connect(this.file, inode);
    } catch (error) {
      return this.#refuse(reason(error));
    }
  }

  #refuse(fault: string): never {
    throw new ProblemError('not-ready', `The database ${fault}.`, { retryAfterSeconds: 1 });
  }
}
