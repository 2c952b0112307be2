/** `lyftr ledger`: accounts for every acknowledged message, and writes off missing ones. */
import { messagesText, type Missing } from '@lyftr/shared/ledger';
import { size } from '@lyftr/shared/ranges';
import type { LedgerReport } from '@lyftr/shared/sample';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { openClient, type ClientOptions } from './client.js';
import { readClientConfig } from './config.js';
import { EXIT_FAILED, EXIT_USAGE, ExitError } from './exit.js';
import { faultsOf, ledgerText, missingText } from './ledger-text.js';
import { examples, jsonOption, urlOption, type Finish, type JsonOption } from './options.js';
import { printable } from './printable.js';

interface LedgerOptions extends ClientOptions, JsonOption {}

interface WriteOffOptions extends LedgerOptions {
  /** Do not ask for confirmation. */
  yes: boolean;
}

/** The response of `DELETE /ledger/missing`. */
interface WrittenOff extends Missing {
  unnamed: number;
  unconfirmed: number;
}

function print(...lines: string[]): void {
  for (const line of lines) process.stdout.write(`${printable(line)}\n`);
}

/** Exit code 0, or 1 when messages are missing or the ledger does not balance. */
async function showLedger({ json, ...options }: LedgerOptions): Promise<number> {
  const ledger = (await openClient(readClientConfig(), options).get('/ledger')) as LedgerReport;
  if (json) print(JSON.stringify(ledger));
  else print(...ledgerText(ledger));
  return faultsOf(ledger).length > 0 ? EXIT_FAILED : 0;
}

async function isConfirmed(): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question('Write them off? Type yes: ')).trim() === 'yes';
  } finally {
    terminal.close();
  }
}

async function writeOff({ yes, json, ...options }: WriteOffOptions): Promise<number> {
  const client = openClient(readClientConfig(), options);
  const ledger = (await client.get('/ledger')) as LedgerReport;
  if (ledger.missing === null)
    throw new Error(
      'the queue is too long to tell which messages are missing. Try again when the writer has emptied it',
    );
  const nothing: WrittenOff = { messages: 0, producers: [], unnamed: 0, unconfirmed: 0 };
  if (faultsOf(ledger).length === 0) {
    print(json ? JSON.stringify(nothing) : 'nothing is missing');
    return 0;
  }
  if (!yes) {
    if (!process.stdin.isTTY || !process.stderr.isTTY)
      throw new ExitError(EXIT_USAGE, 'Not a terminal. Pass --yes to confirm.');
    process.stderr.write(`${missingText(ledger).map(printable).join('\n')}\n`);
    if (!(await isConfirmed())) throw new ExitError(EXIT_FAILED, 'nothing was written off');
  }
  const answer = (await client.remove(`/ledger/missing?difference=${ledger.difference}`)) as WrittenOff;
  if (json) print(JSON.stringify(answer));
  else {
    const { messages, producers, unnamed, unconfirmed } = answer;
    print(`written off: ${messagesText(messages + unnamed)}`);
    for (const { producer, ranges } of producers) print(`  ${producer}  ${messagesText(size(ranges))}`);
    if (unnamed > 0) print(`  of producers that are no longer listed  ${messagesText(unnamed)}`);
    if (unconfirmed > 0) print(`counted as unconfirmed: ${messagesText(unconfirmed)}`);
  }
  return 0;
}

export function addLedger(program: Command, finish: Finish): void {
  const group = examples(
    program
      .command('ledger')
      .description('account for every acknowledged message, and list the missing ones')
      .addOption(urlOption())
      .addOption(jsonOption())
      .addHelpText('after', '\nExit code: 0, or 1 when messages are missing or the ledger does not balance.')
      .action(async (options: LedgerOptions) => finish(await showLedger(options))),
    'ledger',
    'ledger --json',
  );
  examples(
    group
      .command('write-off')
      .description(
        'count missing messages as written off. A written-off message that arrives later is still stored',
      )
      .option('-y, --yes', 'do not ask for confirmation', false)
      .addOption(urlOption())
      .addOption(jsonOption())
      .action(async (_options: WriteOffOptions, command: Command) =>
        finish(await writeOff(command.optsWithGlobals<WriteOffOptions>())),
      ),
    'ledger write-off',
    'ledger write-off --yes --json',
  );
}
