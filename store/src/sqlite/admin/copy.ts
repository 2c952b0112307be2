/** A copy of the file in one consistent state, checked. */
import Database from 'better-sqlite3';
import { DATABASE_BUSY_MS } from '@lyftr/shared/limits';
import { REMOVED } from '../format.js';

const MESSAGES = `SELECT sum(CASE name WHEN 'created' THEN value ELSE -value END) FROM counters
  WHERE name IN ('created', '${REMOVED}')`;

type Progress = (done: number, total: number) => void;

/** 2 MB: the bar moves, and a step takes milliseconds. */
const STEP_PAGES = 500;
const FAULTS_MAX = 10;

/**
 * Copies page by page inside one read transaction. Without it SQLite begins again whenever somebody else has committed:
 * beside a writer that commits every 5 ms, a copy of 110 MB had begun 1,219 times in 8 s and was not done. With it the copy
 * took 0.24 s; what is committed meanwhile is not in it, and the WAL is not reset until it ends.
 */
async function copyInto(target: string, file: string, progress: Progress): Promise<void> {
  const source = new Database(file, { readonly: true, timeout: DATABASE_BUSY_MS });
  try {
    source.exec('BEGIN');
    // a transaction begins with what it reads first
    source.prepare('SELECT count(*) FROM sqlite_schema').get();
    await source.backup(target, {
      progress({ totalPages, remainingPages }) {
        progress(totalPages - remainingPages, totalPages);
        return STEP_PAGES;
      },
    });
  } finally {
    source.close();
  }
}

/** What is wrong with the file, in SQLite's words; undefined when nothing is. */
function findFault(database: Database.Database): string | undefined {
  try {
    const lines = database.prepare<[], string>(`PRAGMA quick_check(${FAULTS_MAX})`).pluck().all();
    if (lines.join() === 'ok') return undefined;
    return lines
      .join('\n')
      .split('\n')
      .find((line) => !line.startsWith('***'));
  } catch (error) {
    // so damaged that the check itself cannot go on
    if ((error as { code?: string }).code?.startsWith('SQLITE_CORRUPT') !== true) throw error;
    return (error as Error).message;
  }
}

/** Looks through the copy, and makes it one file that needs no other. Throws when it is damaged. */
function checkCopy(copy: string): { messages: number } {
  const database = new Database(copy, { fileMustExist: true });
  try {
    // no -shm beside it
    database.pragma('locking_mode = EXCLUSIVE');
    const fault = findFault(database);
    if (fault !== undefined)
      throw new Error(
        `the database is damaged, so the copy was removed: ${fault}. Run \`lyftr audit\` to see what can be repaired`,
      );
    database.pragma('journal_mode = DELETE');
    const messages = database.prepare(MESSAGES).pluck().get();
    return { messages: messages as number };
  } finally {
    database.close();
  }
}

/** Throws when the copy is damaged. */
export async function copyChecked(
  file: string,
  target: string,
  progress: Progress,
): Promise<{ messages: number }> {
  await copyInto(target, file, progress);
  return checkCopy(target);
}
