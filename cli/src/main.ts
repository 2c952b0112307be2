#!/usr/bin/env node
/** The `lyftr` command: one file per verb. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { SettingsError } from '@lyftr/shared/env';
import { MESSAGE_ID_CHARS_MAX } from '@lyftr/shared/limits';
import { EXIT_SETTINGS } from '@lyftr/shared/process';
import { audit, type AuditOptions } from './audit.js';
import {
  discardDeadLetter,
  listDeadLetters,
  replayDeadLetter,
  showDeadLetter,
  type DeadLettersOptions,
  type ListOptions,
  type ReplayOptions,
} from './dead-letters.js';
import { load, type LoadOptions } from './load.js';
import { up } from './up.js';

const EXIT_USAGE = 64;
/** What `GET /dead-letters` gives at once. */
const PAGE_MAX = 100;

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

function positive(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError('It is a whole number from 1.');
  return Number(value);
}

function wholeNumber(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('It is a whole number from 0.');
  return Number(value);
}

function pageSize(value: string): number {
  const limit = positive(value);
  if (limit > PAGE_MAX) throw new InvalidArgumentError(`It is a whole number from 1 to ${PAGE_MAX}.`);
  return limit;
}

function messageId(value: string): string {
  if (value.length < 1 || value.length > MESSAGE_ID_CHARS_MAX)
    throw new InvalidArgumentError(`It has 1 to ${MESSAGE_ID_CHARS_MAX} characters.`);
  return value;
}

/** `finish` is told the exit code. */
function addDeadLetters(program: Command, finish: (exitCode: number) => void): void {
  const group = program
    .command('dead-letters')
    .description('look at what could not be stored for its own sake, send it again, or discard it');
  const verb = (usage: string, description: string): Command =>
    group
      .command(usage)
      .description(description)
      .option('-u, --url <origin>', 'where it runs (default: http://127.0.0.1 and PORT)')
      .option('--json', 'one line of JSON instead of text', false);
  const writerUrl = [
    '--writer-url <origin>',
    'where its writer runs (default: http://127.0.0.1 and WRITER_PORT)',
  ] as const;
  verb('list', 'newest first')
    .option('-n, --limit <letters>', `how many, at most ${PAGE_MAX}`, pageSize, 50)
    .option('--offset <letters>', 'how many to pass over', wholeNumber, 0)
    .action(async (options: ListOptions) => finish(await listDeadLetters(options)));
  verb('show', 'one letter, with what came out of the queue')
    .argument('<id>', 'its number', positive)
    .action(async (id: number, options: DeadLettersOptions) => finish(await showDeadLetter(id, options)));
  verb('replay', 'send its messages through the intake again, and discard it once they are acknowledged')
    .argument('<id>', 'its number', positive)
    .option('--as <message-id>', 'send its one message under this id', messageId)
    .option(...writerUrl)
    .action(async (id: number, options: ReplayOptions) => finish(await replayDeadLetter(id, options)));
  verb('discard', 'remove it for good')
    .argument('<id>', 'its number', positive)
    .option(...writerUrl)
    .action(async (id: number, options: DeadLettersOptions) => finish(await discardDeadLetter(id, options)));
}

async function main(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = new Command('lyftr').version(version()).exitOverride();
  program
    .command('up')
    .description('start Redis, writer, query and ingest, and keep them running until Ctrl-C')
    .action(async () => {
      exitCode = await up();
    });
  program
    .command('load')
    .description('send signed messages to a running system, and check that all it acknowledged is stored')
    .option('-n, --number <messages>', 'how many to send', positive, 10_000)
    .option('-c, --connections <connections>', 'connections, each with one request at a time', positive, 64)
    .option(
      '-r, --rate <per-second>',
      'messages a second (default: as fast as they are acknowledged)',
      positive,
    )
    .option('-b, --batch <messages>', 'messages a request', positive, 1)
    .option('-u, --url <origin>', 'where it runs (default: http://127.0.0.1 and PORT)')
    .option('--json', 'one line of JSON instead of text', false)
    .addHelpText(
      'after',
      '\nExamples:\n  lyftr load\n  lyftr load --number 100000 --rate 5000\n  lyftr load --batch 500 --json',
    )
    .action(async (options: LoadOptions) => {
      exitCode = await load(options);
    });
  program
    .command('audit')
    .description('compare counters, rollups, text index and ledger with the messages; the system may run')
    .option('--full', 'every row of the text index, not a sample', false)
    .option('--repair', 'build anew what is derived; nothing else may have the database open', false)
    .option('--json', 'one line of JSON instead of text', false)
    .addHelpText('after', '\nExit code: 0 clean, 1 faults, 2 faults that were repaired.')
    .action(async (options: AuditOptions) => {
      exitCode = await audit(options);
    });
  addDeadLetters(program, (code) => (exitCode = code));
  await program.parseAsync(args, { from: 'user' });
  return exitCode;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    // it has printed its message, or the help that was asked for
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE);
    if (error instanceof SettingsError) {
      for (const fault of error.faults) process.stderr.write(`settings: ${fault}\n`);
      process.exit(EXIT_SETTINGS);
    }
    process.stderr.write(`lyftr: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
