/** Read-only connections. Each answer uses one snapshot of the current file. */
import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { readFormat, SCHEMA_VERSION, type Format } from '../format.js';
import { ProblemError } from '@lyftr/shared/errors';
import { fold } from '../fold.js';

/**
 * Readers of a WAL file wait for a lock only during its recovery. The wait blocks every other request of this
 * process, so it must be short.
 */
const BUSY_MS = 1_000;
const CACHE_KIB = 32 * 1_024;
/** Pages are read directly from the cache of the system, without copying. */
const MMAP_BYTES = 64 * 2 ** 30;

/**
 * Runs statements by their text. Parameters are named, and unused ones are ignored. Rows are objects with one member
 * per column (the tables are STRICT). `get` returns undefined when there is no row.
 */
export interface Reader {
  get(sql: string, parameters?: object): unknown;
  all(sql: string, parameters?: object): unknown[];
  /** Returns the rows one by one. No other statement with the same text may run at the same time. */
  iterate(sql: string, parameters?: object): IterableIterator<unknown>;
}

/** One state of the database, until `end` is called. */
export interface Snapshot {
  reader: Reader;
  format: Format;
  end(): void;
}

/** The time limit of a read. */
export interface Limit {
  isOver(): boolean;
}

const NO_LIMIT: Limit = { isOver: () => false };

/** `in_time()` in a statement throws this error when the time limit of its read is reached. */
export class TimeoutError extends Error {
  constructor() {
    super('the read took too long');
    this.name = 'TimeoutError';
  }
}

interface Connection {
  database: Database.Database;
  /** Detects that another file has replaced this one: a restored backup, or a new file in an emptied directory. */
  inode: number;
  reader: Reader;
  /** Read with the first snapshot. Before that, the file may have another version. */
  format: Format | undefined;
  limit: Limit;
}

function connect(file: string, inode: number): Connection {
  const database = new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
  database.pragma(`cache_size = -${CACHE_KIB}`);
  database.pragma(`mmap_size = ${MMAP_BYTES}`);
  database.pragma('temp_store = MEMORY');
  // there is a limited number of SQL texts, so this map is limited too
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
  /** The path of the database file. */
  readonly file: string;
  /** An unused connection. Only simultaneous snapshots need more than one. */
  #idle: Connection | undefined;

  constructor(file: string) {
    this.file = file;
  }

  /** `ok`, or the fault and its correction. */
  state(): string {
    try {
      this.read(() => undefined);
      return 'ok';
    } catch (error) {
      return error instanceof ProblemError ? error.message : reason(error);
    }
  }

  /**
   * Begins a read transaction. All its reads see the same state. Until it ends, the writer cannot reset the WAL.
   * Throws ProblemError `not-ready` while there is no database of this version; a retry may succeed. Statements with
   * `in_time()` throw TimeoutError when the time limit is reached.
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
        // a disk error also ends the transaction
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
