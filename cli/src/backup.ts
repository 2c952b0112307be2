/** `lyftr backup`: a copy of the database in one consistent state, while the system runs. */
import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import type { Command } from 'commander';
import { DATABASE_BUSY_MS } from '@lyftr/shared/limits';
import { readClientConfig } from './config.js';
import { findDatabase } from './find-database.js';
import { beginFile } from './new-file.js';
import { examples, jsonOption, type Finish, type JsonOption } from './options.js';
import { startBar } from './progress.js';

interface BackupOptions extends JsonOption {
  force: boolean;
}

/** 2 MB: the bar moves, and a step takes milliseconds. */
const STEP_PAGES = 500;
const FAULTS_MAX = 10;

/**
 * Copies page by page inside one read transaction. Without it SQLite begins again whenever somebody else has committed:
 * beside a writer that commits every 5 ms, a copy of 110 MB had begun 1,219 times in 8 s and was not done. With it the copy
 * took 0.24 s; what is committed meanwhile is not in it, and the WAL is not reset until it ends.
 */
async function copyInto(target: string, file: string, showBar: boolean): Promise<void> {
  const source = new Database(file, { readonly: true, timeout: DATABASE_BUSY_MS });
  let bar: ReturnType<typeof startBar> | undefined;
  try {
    source.exec('BEGIN');
    // a transaction begins with what it reads first
    source.prepare('SELECT count(*) FROM sqlite_schema').get();
    await source.backup(target, {
      progress({ totalPages, remainingPages }) {
        bar ??= startBar(showBar, 'pages', totalPages);
        bar.moveTo(totalPages - remainingPages);
        return STEP_PAGES;
      },
    });
  } finally {
    bar?.stop();
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
        `the database is damaged, and no copy is kept: ${fault}. \`lyftr audit\` says what can be mended`,
      );
    database.pragma('journal_mode = DELETE');
    const messages = database.prepare("SELECT value FROM counters WHERE name = 'created'").pluck().get();
    return { messages: messages as number };
  } finally {
    database.close();
  }
}

/** A copy in place of the database itself would take it from under the writer. */
function requireElsewhere(path: string, file: string): void {
  const target = join(realpathSync(dirname(resolve(path))), basename(path));
  const source = realpathSync(file);
  if (['', '-wal', '-shm'].some((suffix) => target === `${source}${suffix}`))
    throw new Error(`${path} belongs to the database itself`);
}

async function backup(path: string, { force, json }: BackupOptions): Promise<number> {
  const { DATA_DIR, isTty } = readClientConfig();
  const file = findDatabase(DATA_DIR);
  requireElsewhere(path, file);
  const startedAt = performance.now();
  const target = beginFile(path, force);
  let messages: number;
  try {
    await copyInto(target.partial, file, isTty && !json);
    ({ messages } = checkCopy(target.partial));
    target.commit();
  } finally {
    target.discard();
  }
  const { size: bytes } = statSync(path);
  const seconds = Number(((performance.now() - startedAt) / 1_000).toFixed(2));
  const result = { file: resolve(path), bytes, messages, seconds };
  const text = `${result.file}: ${messages} messages, ${bytes} bytes, checked, in ${seconds} s`;
  process.stdout.write(`${json ? JSON.stringify(result) : text}\n`);
  return 0;
}

export function addBackup(program: Command, finish: Finish): void {
  const command = program
    .command('backup')
    .description(
      'copy the database in DATA_DIR in one consistent state, and check the copy; the system may run',
    )
    .argument('<file>', 'the copy; readable by its owner alone')
    .option('--force', 'replace a file that is there', false)
    .addOption(jsonOption())
    .action(async (path: string, options: BackupOptions) => finish(await backup(path, options)));
  examples(command, 'backup lyftr-monday.db', 'backup --force --json /mnt/backup/lyftr.db');
}
