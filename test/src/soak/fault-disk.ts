/** The database file: locked, read for ever, full, or on a disk that gives errors. */
import { spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { databaseFile } from '@lyftr/store/sqlite/format';
import { Process } from '../system.js';
import type { Fault, Scene, Skipped } from './fault.js';

const LOCK_RETRY_MS = 3;
const STRACE_MS = 2_000;
/** Bytes up to which a file may be written while the disk is "full". */
const FULL_AT_BYTES = 4_096;

const open = ({ cluster }: Scene, readonly: boolean): Database.Database =>
  // the harness waits in its own loop: inside SQLite it would hold up its senders
  new Database(databaseFile(cluster.system.env['DATA_DIR'] as string), { readonly, timeout: 0 });

const isBusy = (error: unknown): boolean =>
  error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');

async function retryBusy(attempt: () => void): Promise<void> {
  for (;;) {
    try {
      attempt();
      return;
    } catch (error) {
      if (!isBusy(error)) throw error;
      await delay(LOCK_RETRY_MS);
    }
  }
}

const heldLock: Fault = {
  name: 'write lock held',
  async inject(scene) {
    const database = open(scene, false);
    try {
      await retryBusy(() => database.exec('BEGIN IMMEDIATE'));
      await scene.hold(1_000, 8_000);
      database.exec('ROLLBACK');
    } finally {
      database.close();
    }
  },
};

const endlessReader: Fault = {
  name: 'reader that does not end',
  async inject(scene) {
    const database = open(scene, true);
    try {
      database.exec('BEGIN');
      await retryBusy(() => void database.prepare('SELECT count(*) FROM counters').get());
      await scene.hold(10_000, 10_000);
      database.exec('COMMIT');
    } finally {
      database.close();
    }
  },
};

const limitFiles = (pid: number, limit: string): void => {
  // fails when the process is gone, and with it the limit
  spawnSync('prlimit', ['--pid', String(pid), `--fsize=${limit}:unlimited`]);
};

const fullDisk: Fault = {
  name: 'disk full',
  isSpecial: true,
  async inject({ cluster, hold }) {
    const pid = (await cluster.active()).child.pid as number;
    limitFiles(pid, String(FULL_AT_BYTES));
    await hold(500, 5_000);
    limitFiles(pid, 'unlimited');
  },
};

const failingCall = (name: string, calls: string, when: string): Fault => ({
  name,
  isSpecial: true,
  async inject({ cluster }) {
    const pid = String((await cluster.active()).child.pid);
    const inject = `inject=${calls}:error=EIO:when=${when}`;
    const args = ['-qq', '-o', '/dev/null', '-e', `trace=${calls}`, '-e', inject, '-p', pid];
    const strace = new Process('strace', 'strace', args, {});
    await Promise.race([delay(STRACE_MS), strace.ended]);
    await strace.stop('SIGINT');
  },
});

const canRun = (command: string, args: string[]): boolean => spawnSync(command, args).status === 0;

/** The faults of this machine, and those that it cannot do. */
export function diskFaults(): { faults: Fault[]; skipped: Skipped[] } {
  const faults = [heldLock, endlessReader];
  const skipped: Skipped[] = [];
  if (canRun('prlimit', ['--pid', String(process.pid), '--fsize'])) faults.push(fullDisk);
  else skipped.push({ name: fullDisk.name, reason: 'prlimit is not on this machine' });
  const failing = [
    failingCall('EIO from fsync', 'fsync,fdatasync', '1..3'),
    failingCall('EIO from write', 'pwrite64', '1..3'),
  ];
  if (canRun('strace', ['-qq', '-o', '/dev/null', '-e', 'trace=none', 'true'])) faults.push(...failing);
  else {
    const reason = 'strace is not on this machine, or may not attach';
    skipped.push(...failing.map(({ name }) => ({ name, reason })));
  }
  return { faults, skipped };
}
