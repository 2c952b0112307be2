/** `lyftr sources list`: the sources of a running system, with the use of their keys. */
import type { Command } from 'commander';
import type { KeyAnswer, SourceAnswer, SourcesAnswer } from '@lyftr/shared/sources';
import { openClient, type ClientOptions } from './client.js';
import { readClientConfig } from './config.js';
import { examples, jsonOption, urlOption, type Finish, type JsonOption } from './options.js';
import { printable } from './printable.js';
import { age } from './age.js';

interface ListOptions extends ClientOptions, JsonOption {}

const HEAD = ['name', 'scheme', 'mapping', 'accepted', 'rejected', 'last', 'keys'];
/** Columns with numbers. */
const NUMBERS = new Set([3, 4]);

function since(time: string | null, nowMs: number): string {
  return time === null ? 'never' : `${age(Math.max(0, (nowMs - Date.parse(time)) / 1_000))} ago`;
}

function keyText({ id, retired, last_used_at, safe_to_retire }: KeyAnswer, nowMs: number): string {
  const notes = [
    ...(retired ? ['retired'] : []),
    last_used_at === null ? 'never used' : `used ${since(last_used_at, nowMs)}`,
    ...(safe_to_retire && !retired ? ['safe to retire'] : []),
  ];
  return `${id} (${notes.join(', ')})`;
}

export function mappingText(mapping: SourceAnswer['mapping']): string {
  if (mapping === null) return 'messages';
  return typeof mapping === 'string' ? mapping : 'jsonata';
}

/** One line for each source under a line of headings. Then one line for each fault of the file. */
export function sourcesTable({ data, faults }: SourcesAnswer, nowMs: number): string[] {
  const rows = data.map(({ name, scheme, mapping, accepted, rejected, last_accepted_at, keys }) => [
    name,
    scheme,
    mappingText(mapping),
    String(accepted),
    String(rejected),
    since(last_accepted_at, nowMs),
    keys.map((key) => keyText(key, nowMs)).join(', '),
  ]);
  const widths = HEAD.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (NUMBERS.has(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  const table = rows.length === 0 ? ['no sources'] : [line(HEAD), ...rows.map(line)];
  return [...table, ...faults.map((fault) => `FAULT  ${fault}`)].map(printable);
}

async function list({ json, ...options }: ListOptions): Promise<number> {
  const answer = (await openClient(readClientConfig(), options).get('/sources')) as SourcesAnswer;
  const text = json ? JSON.stringify(answer) : sourcesTable(answer, Date.now()).join('\n');
  process.stdout.write(`${text}\n`);
  return 0;
}

export function addSourcesList(group: Command, finish: Finish): void {
  examples(
    group
      .command('list')
      .description(
        'list the sources of a running system: what was accepted and rejected, and the use of each key',
      )
      .addOption(urlOption())
      .addOption(jsonOption())
      .action(async (options: ListOptions) => finish(await list(options))),
    'sources list',
    'sources list --json',
  );
}
