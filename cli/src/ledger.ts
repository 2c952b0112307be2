/** `lyftr ledger`: the account of every acknowledged message, and the end of the account of those that are gone. */
import type { LedgerAnswer } from '@lyftr/shared/ledger';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { openClient, type ClientOptions } from './client.js';
import { readClientConfig } from './config.js';
import { EXIT_FAILED, EXIT_USAGE } from './exit.js';
import { examples, jsonOption, urlOption, writerUrlOption, type Finish, type JsonOption } from './options.js';
import { printable } from './printable.js';

interface LedgerOptions extends ClientOptions, JsonOption {}

interface WriteOffOptions extends LedgerOptions {
  /** Do not ask. */
  yes: boolean;
}

/** As `DELETE /ledger/missing` of the writer gives it. */
interface WrittenOff {
  batches: number;
  messages: number;
  producers: { producer: string; batches: number; messages: number }[];
}

/** Ranges of one producer that are named; the rest are counted. */
const RANGES_SHOWN_MAX = 20;

function print(...lines: string[]): void {
  for (const line of lines) process.stdout.write(`${printable(line)}\n`);
}

const batchesText = (count: number): string => (count === 1 ? '1 batch' : `${count} batches`);
const messagesText = (count: number): string => (count === 1 ? '1 message' : `${count} messages`);

function missingText(missing: LedgerAnswer['missing']): string[] {
  if (missing === null) return ['missing: not known while the queue is so long'];
  const lines = [`missing: ${batchesText(missing.batches)}`];
  for (const { producer, ranges } of missing.producers) {
    const shown = ranges
      .slice(0, RANGES_SHOWN_MAX)
      .map(([first, last]) => (first === last ? String(first) : `${first}-${last}`));
    const rest = ranges.length > shown.length ? ` and ${ranges.length - shown.length} more ranges` : '';
    lines.push(`  ${producer}  ${shown.join(', ')}${rest}`);
  }
  if (missing.finished_messages > 0)
    lines.push(`  ${messagesText(missing.finished_messages)} of processes that finished long ago`);
  return lines;
}

function textOf(ledger: LedgerAnswer): string[] {
  const { accepted, created, duplicate, dead_letter, written_off, waiting, conflicting_duplicate } = ledger;
  const terms: [string, number, string][] = [
    ['', accepted, 'accepted'],
    ['=', created, 'created'],
    ['+', duplicate, `duplicate, ${conflicting_duplicate} of them with another content`],
    ['+', dead_letter, 'dead letter'],
    ['+', written_off, 'written off'],
    ['+', waiting, 'waiting'],
  ];
  const width = String(accepted).length;
  return [
    ...terms.map(([sign, count, name]) => `${sign.padEnd(1)} ${String(count).padStart(width)} ${name}`),
    ...missingText(ledger.missing),
  ];
}

/** Exit code 0, and 1 when batches are missing. */
async function showLedger({ json, ...options }: LedgerOptions): Promise<number> {
  const ledger = (await openClient(readClientConfig(), options).get('/ledger')) as LedgerAnswer;
  if (json) print(JSON.stringify(ledger));
  else print(...textOf(ledger));
  const { batches = 0, finished_messages: finished = 0 } = ledger.missing ?? {};
  return batches + finished > 0 ? EXIT_FAILED : 0;
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
  const { missing, waiting } = (await client.get('/ledger')) as LedgerAnswer;
  if (missing === null)
    throw new Error('the queue is too long to tell what is missing: try again when it is drained');
  const nothing: WrittenOff = { batches: 0, messages: 0, producers: [] };
  if (missing.batches === 0 && waiting === 0) {
    print(json ? JSON.stringify(nothing) : 'nothing is missing');
    return 0;
  }
  if (!yes) {
    if (!process.stdin.isTTY || !process.stderr.isTTY) {
      process.stderr.write('lyftr: this is no terminal to ask at: confirm it with --yes\n');
      return EXIT_USAGE;
    }
    process.stderr.write(`${missingText(missing).map(printable).join('\n')}\n`);
    if (!(await isConfirmed())) {
      process.stderr.write('lyftr: nothing is written off\n');
      return EXIT_FAILED;
    }
  }
  const answer = (await client.removeAtWriter(`/ledger/missing?batches=${missing.batches}`)) as WrittenOff;
  if (json) print(JSON.stringify(answer));
  else {
    const { batches, messages, producers } = answer;
    print(`written off: ${batchesText(batches)}, ${messagesText(messages)}`);
    for (const each of producers)
      print(`  ${each.producer}  ${batchesText(each.batches)}, ${messagesText(each.messages)}`);
  }
  return 0;
}

export function addLedger(program: Command, finish: Finish): void {
  const group = examples(
    program
      .command('ledger')
      .description('show the account of every acknowledged message, and which are missing')
      .addOption(urlOption())
      .addOption(jsonOption())
      .addHelpText('after', '\nExit code: 0, or 1 when batches are missing.')
      .action(async (options: LedgerOptions) => finish(await showLedger(options))),
    'ledger',
    'ledger --json',
  );
  examples(
    group
      .command('write-off')
      .description(
        'give up what is missing: it is counted as written off, and waits no longer. What comes after all is stored',
      )
      .option('-y, --yes', 'do not ask', false)
      .addOption(urlOption())
      .addOption(writerUrlOption())
      .addOption(jsonOption())
      .action(async (_options: WriteOffOptions, command: Command) =>
        finish(await writeOff(command.optsWithGlobals<WriteOffOptions>())),
      ),
    'ledger write-off',
    'ledger write-off --yes --json',
  );
}
