#!/usr/bin/env node
/** The `lyftr` command. Each verb has its own file, which defines its options. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { SettingsError } from '@lyftr/shared/runtime/env';
import { EXIT_SETTINGS } from '@lyftr/shared/runtime/process';
import { addAudit } from './audit.js';
import { addBackup } from './backup.js';
import { AnswerError, UnreachableError } from '@lyftr/shared/client/client';
import { addCompletion } from './completion.js';
import { addDeadLetters } from './dead-letters.js';
import { EXIT_FAILED, EXIT_UNAVAILABLE, EXIT_USAGE, ExitError } from './exit.js';
import { addExport } from './export.js';
import { writeFailure } from './failure.js';
import { addImport } from './import.js';
import { addLedger } from './ledger.js';
import { addListen } from './listen.js';
import { addLoad } from './load.js';
import { addSend } from './send.js';
import { addSign, addVerify } from './sign.js';
import { addSources } from './sources.js';
import { addStatus } from './status.js';
import { addTrigger } from './trigger.js';
import { addUp } from './up.js';

/** In the order of `lyftr --help`. */
const VERBS = [
  addUp,
  addStatus,
  addSend,
  addTrigger,
  addSign,
  addVerify,
  addListen,
  addLoad,
  addExport,
  addImport,
  addBackup,
  addAudit,
  addLedger,
  addDeadLetters,
  addSources,
  addCompletion,
];

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

/** Reads the raw arguments, because invalid arguments were not parsed. */
const wantsJson = (args: readonly string[]): boolean => args.includes('--json');

async function main(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = new Command('lyftr')
    .description('Runs Lyftr and operates a running system.')
    .version(version())
    // the suggestion of commander is on a separate line
    .configureOutput({
      outputError: (text, write) => {
        const line = text.trim().replaceAll('\n', ' ');
        if (wantsJson(args)) writeFailure(line.replace(/^error: /, ''), true);
        else write(`${line}\n`);
      },
    })
    .exitOverride();
  for (const add of VERBS) add(program, (code) => (exitCode = code));
  await program.parseAsync(args, { from: 'user' });
  return exitCode;
}

/** Writes the error to standard error and returns the exit code. */
function report(error: unknown, json: boolean): number {
  // commander has already printed its message or the help
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (error instanceof SettingsError) {
    if (json) writeFailure(error.message, true, { faults: error.faults });
    else for (const fault of error.faults) process.stderr.write(`${error.of}: ${fault}\n`);
    return EXIT_SETTINGS;
  }
  // the reader of the pipe has closed it (`| head`), so there is nobody to tell
  if ((error as { code?: unknown }).code === 'EPIPE') return EXIT_FAILED;
  const answer = error instanceof AnswerError ? { status: error.status, code: error.code } : {};
  writeFailure(error instanceof Error ? error.message : String(error), json, answer);
  if (error instanceof ExitError) return error.exitCode;
  return error instanceof UnreachableError ? EXIT_UNAVAILABLE : EXIT_FAILED;
}

const args = process.argv.slice(2);
main(args).then(
  (code) => process.exit(code),
  (error: unknown) => process.exit(report(error, wantsJson(args))),
);
