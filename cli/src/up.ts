/** `lyftr up`: Redis, writer, query and ingest as one command. */
import { readConfig } from './config.js';
import { LockTakenError, takeLock, type Lock } from './lock.js';
import { Run } from './run.js';
import { createScreen } from './screen.js';
import { socketPath } from './socket-path.js';

/** Resolves with the exit code once everything that it started has ended. Throws SettingsError. */
export async function up(): Promise<number> {
  const config = readConfig();
  process.title = 'lyftr:up';
  // a reader that goes away (`| head`) must not take the system with it
  process.stdout.on('error', () => {});
  const screen = createScreen({
    write: (text) => process.stdout.write(text),
    isTty: config.isTty,
    color: config.color,
    level: config.LOG_LEVEL,
  });

  const run = new Run(config, screen);
  let lock: Lock;
  try {
    lock = await takeLock(socketPath(config.DATA_DIR, 'lyftr.sock'));
  } catch (error) {
    if (!(error instanceof LockTakenError)) throw error;
    process.stderr.write(`Lyftr already runs on ${config.DATA_DIR}: ${error.message}\n`);
    return 1;
  }
  try {
    return await run.toItsEnd(lock.leftBehind);
  } finally {
    await lock.release();
  }
}
