/** `lyftr status`: shows a running system on one screen, once or repeatedly. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { UnreachableError } from '@lyftr/shared/client/client';
import { age } from './age.js';
import { openClient, type ClientOptions } from './client.js';
import { readClientConfig } from './config.js';
import { EXIT_FAILED } from './exit.js';
import { examples, jsonOption, urlOption, type Finish, type JsonOption } from './options.js';
import { printable } from './printable.js';
import { deadLettersText } from '@lyftr/shared/sample';
import { collect, type ProcessLine, type Reading, type Report } from './status-report.js';

interface StatusOptions extends ClientOptions, JsonOption {
  watch: boolean;
}

/** A busy process publishes twice in this interval. */
const INTERVAL_MS = 2_000;
const UNKNOWN = 'not known';

function stateText({ state, leads, silentSeconds }: ProcessLine): string {
  if (state === 'silent') return `silent for ${age(silentSeconds)}`;
  return leads ? `${state}, leads` : state;
}

function processText(line: ProcessLine): string {
  const { service, instance, ageSeconds, memoryBytes } = line;
  const memory = memoryBytes === null ? '' : `${Math.round(memoryBytes / 2 ** 20)} MB`;
  const lived = age(ageSeconds);
  return `${service.padEnd(6)}  ${stateText(line).padEnd(17)}  ${lived.padStart(7)}  ${memory.padStart(7)}  ${instance}`;
}

const statesText = (states: Record<string, string>): string =>
  Object.entries(states)
    .map(([name, state]) => `${name} ${state}`)
    .join(', ');

/** The lines of one screen, without cursor movements. */
export function screenOf(origin: string, report: Report): string[] {
  const { processes, ready, queue, ledger, deadLetters, textIndexLagMessages, perSecond, faults } = report;
  const labelled = (label: string, ...texts: string[]): string[] =>
    texts.map((text, i) => `${(i === 0 ? label : '').padEnd(13)}${text}`);
  const rates = Object.entries(perSecond ?? {}).map(([name, rate]) => `${name} ${rate}`);
  return [
    ...labelled(report.healthy ? 'healthy' : 'NOT HEALTHY', origin),
    ...labelled('processes', ...(processes === null ? [UNKNOWN] : processes.map(processText))),
    ...labelled(
      'ready',
      `ingest: ${ready.ingest === null ? UNKNOWN : statesText(ready.ingest)}`,
      ...(ready.writer === null ? [] : [`writer: ${statesText(ready.writer)}`]),
    ),
    ...labelled(
      'queue',
      queue === null
        ? UNKNOWN
        : `${queue.messages} messages wait, the oldest for ${age(queue.oldestSeconds)}`,
    ),
    ...labelled(
      'ledger',
      ledger === null
        ? UNKNOWN
        : `${ledger.accepted} accepted + ${ledger.unconfirmed} unconfirmed = ${ledger.created} created + ${ledger.duplicate} duplicate + ${ledger.dead_letter} not stored + ${ledger.written_off} written off + ${ledger.waiting} waiting`,
    ),
    ...labelled(
      'missing',
      typeof ledger?.missingMessages === 'number'
        ? `${ledger.missingMessages} acknowledged messages`
        : UNKNOWN,
    ),
    ...labelled('dead letters', deadLetters === null ? UNKNOWN : deadLettersText(deadLetters)),
    ...labelled(
      'text index',
      textIndexLagMessages === null ? UNKNOWN : `${textIndexLagMessages} messages behind`,
    ),
    ...labelled('per second', rates.length === 0 ? UNKNOWN : rates.join('  ')),
    ...faults.map((fault) => `FAULT        ${fault}`),
  ].map(printable);
}

/** A report fails only when the system is not responding. With --watch, the screen then shows that. */
function silentReport(error: unknown): Report {
  if (!(error instanceof UnreachableError)) throw error;
  return {
    healthy: false,
    faults: [error.message],
    processes: null,
    ready: { ingest: null, writer: null },
    queue: null,
    ledger: null,
    deadLetters: null,
    textIndexLagMessages: null,
    perSecond: null,
  };
}

/**
 * Exit code 0: healthy, or --watch was ended. 1: not healthy. Throws UnreachableError when the system is not
 * responding.
 */
async function status({ watch, json, ...options }: StatusOptions): Promise<number> {
  const config = readClientConfig();
  const client = openClient(config, options);
  const isHere = options.url === undefined;
  const look = (before?: Reading): Promise<Reading> =>
    collect({ client, isHere, ...(before === undefined ? {} : { before }) });
  const redraws = watch && !json && process.stdout.isTTY;

  function show(report: Report): void {
    const lines = screenOf(client.origin, report);
    if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
    else if (redraws) process.stdout.write(`\x1b[H${lines.map((line) => `${line}\x1b[K\n`).join('')}\x1b[J`);
    else process.stdout.write(`${lines.join('\n')}\n${watch ? '\n' : ''}`);
  }

  if (!watch) {
    const first = await look();
    await delay(INTERVAL_MS);
    const { report } = await look(first);
    show(report);
    return report.healthy ? 0 : EXIT_FAILED;
  }

  const watchOn = async (): Promise<never> => {
    if (redraws) process.stdout.write('\x1b[2J');
    let before: Reading | undefined;
    for (;;) {
      try {
        before = await look(before);
        show(before.report);
      } catch (error) {
        show(silentReport(error));
      }
      await delay(INTERVAL_MS);
    }
  };
  const interrupted = new Promise<number>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve(0));
  });
  return Promise.race([watchOn(), interrupted]);
}

export function addStatus(program: Command, finish: Finish): void {
  examples(
    program
      .command('status')
      .description('show the processes, queue, ledger, text index and rates of a running system')
      .option('-w, --watch', `repeat every ${INTERVAL_MS / 1_000} s until Ctrl-C`, false)
      .addOption(urlOption())
      .addOption(jsonOption())
      .addHelpText('after', '\nExit code: 0 healthy, 1 not healthy, 69 not responding.')
      .action(async (options: StatusOptions) => finish(await status(options))),
    'status',
    'status --watch',
    'status --json --url https://lyftr.example',
  );
}
