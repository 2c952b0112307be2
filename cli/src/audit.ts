/**
 * `lyftr audit`: checks derived data against the messages while the system runs, and repairs it while the system is
 * stopped.
 */
import type { Command } from 'commander';
import type { LedgerAnswer } from '@lyftr/shared/ledger';
import type { AuditLine } from '@lyftr/store/store';
import { openClient, type ClientOptions } from './client.js';
import { readClientConfig } from './config.js';
import { faultsOf } from './ledger-text.js';
import { examples, jsonOption, urlOption, type Finish, type JsonOption } from './options.js';
import { printable } from './printable.js';

interface AuditOptions extends JsonOption, ClientOptions {
  /** Check every row of the text index, not a sample. */
  full: boolean;
  repair: boolean;
}

const EXIT_CLEAN = 0;
const EXIT_FAULTS = 1;
const EXIT_REPAIRED = 2;

/** The acknowledged messages are in Redis. Asks the system for that part of the ledger, if it is running. */
async function checkAcknowledged(options: ClientOptions): Promise<AuditLine> {
  const name = 'acknowledged';
  try {
    const ledger = (await openClient(readClientConfig(), options).get('/ledger')) as LedgerAnswer;
    const faults = faultsOf(ledger);
    const { accepted, unconfirmed, waiting, difference } = ledger;
    const figures = { accepted, unconfirmed, waiting, difference };
    return { name, state: faults.length === 0 ? 'ok' : 'fault', figures, faults };
  } catch (error) {
    const { message } = error as Error;
    return { name, state: 'unknown', figures: {}, faults: [`the ledger cannot be read: ${message}`] };
  }
}

function textOf({ name, state, figures, faults }: AuditLine): string {
  const shown = Object.entries(figures).map(([figure, value]) => `${figure} ${value}`);
  const first = `${(state === 'fault' ? 'FAULT' : state).padEnd(8)}  ${name.padEnd(13)}  ${shown.join(', ')}`;
  return [first.trimEnd(), ...faults.map((fault) => `${' '.repeat(10)}${printable(fault)}`)].join('\n');
}

/** Exit code 0: no faults. 1: faults remain. 2: all faults were repaired. Throws when it cannot check. */
async function audit(options: AuditOptions): Promise<number> {
  // loaded only when needed, so that other commands start faster
  const { openAdminStore } = await import('@lyftr/store/open');
  const store = openAdminStore(readClientConfig());
  const startedAt = performance.now();
  const lines = options.repair
    ? await store.repair(options.full)
    : [...(await store.audit(options.full)), await checkAcknowledged(options)];
  const seconds = Number(((performance.now() - startedAt) / 1_000).toFixed(2));
  const count = (state: AuditLine['state']): number => lines.filter((line) => line.state === state).length;
  const [faults, repaired] = [count('fault'), count('repaired')];
  if (options.json)
    process.stdout.write(
      `${JSON.stringify({ file: store.location, faults, repaired, seconds, checks: lines })}\n`,
    );
  else {
    const verdict =
      faults === 0 ? 'all faults were repaired' : `${faults} of ${lines.length} checks found faults`;
    const unknown = count('unknown') === 0 ? 'clean' : 'no faults found, but some checks could not run';
    const end = faults + repaired === 0 ? unknown : verdict;
    process.stdout.write(`${lines.map(textOf).join('\n')}\n${end}, in ${seconds} s\n`);
  }
  if (faults > 0) return EXIT_FAULTS;
  return repaired > 0 ? EXIT_REPAIRED : EXIT_CLEAN;
}

export function addAudit(program: Command, finish: Finish): void {
  const command = program
    .command('audit')
    .description(
      'check counters, rollups, text index and ledger against the stored and the acknowledged messages; the system may run',
    )
    .option('--full', 'check every row of the text index, not a sample', false)
    .option(
      '--repair',
      'rebuild derived data that has faults; no other process may have the database open',
      false,
    )
    .addOption(urlOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExit code: 0 clean, 1 faults, 2 faults that were repaired.')
    .action(async (options: AuditOptions) => finish(await audit(options)));
  examples(command, 'audit', 'audit --full --json', 'audit --repair    # stop writer and query first');
}
