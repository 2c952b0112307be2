/** `lyftr audit`: compares everything that is derived with the table, while the writer writes; mends it when it does not. */
import type { Command } from 'commander';
import type { LedgerAnswer } from '@lyftr/shared/ledger';
import type { AuditLine } from '@lyftr/store/store';
import { openClient, type ClientOptions } from './client.js';
import { readClientConfig } from './config.js';
import { faultsOf } from './ledger-text.js';
import { examples, jsonOption, urlOption, type Finish, type JsonOption } from './options.js';
import { printable } from './printable.js';

interface AuditOptions extends JsonOption, ClientOptions {
  /** Every row of the text index, not a sample. */
  full: boolean;
  repair: boolean;
}

const EXIT_CLEAN = 0;
const EXIT_FAULTS = 1;
const EXIT_REPAIRED = 2;

/** Half of the ledger is in Redis: what was acknowledged. The system is asked for it, if it runs. */
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

/** Exit code 0: clean; 1: faults, or some are left; 2: faults, and all of them are mended. Throws when it cannot look. */
async function audit(options: AuditOptions): Promise<number> {
  // only when it is used: the other commands start sooner
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
    const verdict = faults === 0 ? 'no faults are left' : `${faults} of ${lines.length} checks found faults`;
    const unknown = count('unknown') === 0 ? 'clean' : 'clean, but for what could not be looked at';
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
      'compare counters, rollups, text index and ledger with the messages, and with what was acknowledged; the system may run',
    )
    .option('--full', 'every row of the text index, not a sample', false)
    .option('--repair', 'build anew what is derived; nothing else may have the database open', false)
    .addOption(urlOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExit code: 0 clean, 1 faults, 2 faults that were repaired.')
    .action(async (options: AuditOptions) => finish(await audit(options)));
  examples(command, 'audit', 'audit --full --json', 'audit --repair    # stop writer and query first');
}
