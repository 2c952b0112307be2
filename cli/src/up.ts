/** `lyftr up`: runs Redis, writer, query and ingest as one command. */
import type { Command } from 'commander';
import { diskFull } from '@lyftr/shared/runtime/disk-full';
import { boundedOutput } from '@lyftr/shared/runtime/output';
import { readConfig } from './config.js';
import { EXIT_FAILED, ExitError } from './exit.js';
import type { Lock } from '@lyftr/store/lock';
import { examples, type Finish, type JsonOption } from './options.js';
import { requireSources } from './sources-file.js';

/** Resolves with the exit code when all its processes have exited. Throws SettingsError. */
async function up({ json }: JsonOption): Promise<number> {
  // loaded only when needed, so that other commands start faster
  const [{ LockTakenError, takeLock }, { Run }, { createScreen }] = await Promise.all([
    import('@lyftr/store/lock'),
    import('./run.js'),
    import('./screen.js'),
  ]);
  const settings = readConfig();
  // each service would find the same faults, and name them once more
  if (settings.SOURCES_FILE !== undefined) await requireSources(settings.SOURCES_FILE);
  const config = json ? { ...settings, isTty: false } : settings;
  process.title = 'lyftr:up';
  const screen = createScreen({
    write: boundedOutput(process.stdout, 'lyftr').write,
    isTty: config.isTty,
    color: config.color,
    level: config.LOG_LEVEL,
  });

  const run = new Run(config, screen);
  let lock: Lock;
  try {
    lock = takeLock(config.DATA_DIR);
  } catch (error) {
    const full = diskFull(error, config.DATA_DIR);
    if (full !== undefined) throw new ExitError(EXIT_FAILED, full);
    if (!(error instanceof LockTakenError)) throw error;
    throw new ExitError(EXIT_FAILED, `Lyftr is already running on ${config.DATA_DIR}: ${error.message}`);
  }
  try {
    return await run.toItsEnd(lock.leftBehind);
  } finally {
    lock.release();
  }
}

export function addUp(program: Command, finish: Finish): void {
  examples(
    program
      .command('up')
      .description('start Redis, writer, query and ingest, and keep them running until Ctrl-C')
      .option('--json', 'print log lines as JSON, also on a terminal', false)
      .action(async (options: JsonOption) => finish(await up(options))),
    'up',
    'up --json > lyftr.log',
  );
}
