#!/usr/bin/env node
/** The `lyftr` command: one file per verb. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { SettingsError } from '@lyftr/shared/env';
import { EXIT_SETTINGS } from '@lyftr/shared/process';
import { load, type LoadOptions } from './load.js';
import { up } from './up.js';

const EXIT_USAGE = 64;

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

function positive(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError('It is a whole number from 1.');
  return Number(value);
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
