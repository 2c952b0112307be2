/** `lyftr export`: writes the messages of a running system as NDJSON or CSV. */
import { createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Option, type Command } from 'commander';
import { openClient, type ClientOptions } from './client.js';
import { readClientConfig } from './config.js';
import { beginFile } from './new-file.js';
import { examples, jsonOption, urlOption, type Finish, type JsonOption } from './options.js';
import { startBar } from './progress.js';
import { createRecordCounter, FORMATS, type Format } from './record-counter.js';

interface ExportOptions extends ClientOptions, JsonOption {
  format: Format;
  q?: string;
  from?: string;
  to?: string;
  source?: string;
  since?: string;
  until?: string;
  order?: string;
  output?: string;
  force: boolean;
  /** Write deliveries of sources in place of their messages. */
  deliveries?: true;
}

/** The filters as parameters of `GET /messages`. */
function filtersOf({ q, from, to, source, since, until, order }: ExportOptions): Record<string, string> {
  const all = { q, from_: from, to, source, since, until, order };
  return Object.fromEntries(Object.entries(all).filter((entry) => entry[1] !== undefined)) as Record<
    string,
    string
  >;
}

/**
 * Resolves with the number of messages written to `target`. Rejects when the stream is incomplete. A stream that ends
 * without an error is complete. The total from before does not tell this, because messages may have been stored or
 * removed since.
 */
async function copyMessages(
  options: ExportOptions,
  target: NodeJS.WritableStream,
  showBar: boolean,
): Promise<number> {
  const client = openClient(readClientConfig(), options);
  const filters = filtersOf(options);
  const search = (more: Record<string, string>) => new URLSearchParams({ ...more, ...filters }).toString();
  const { total } = (await client.get(`/messages?${search({ limit: '1' })}`)) as { total: number };
  const more = options.deliveries === true ? { deliveries: '1' } : {};
  const source = await client.stream(`/export?${search({ format: options.format, ...more })}`);
  const counter = createRecordCounter(options.format);
  const bar = startBar(showBar, 'messages', total);

  async function* counted(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of source) {
        counter.add(chunk);
        bar.moveTo(counter.records);
        yield chunk;
      }
    } catch (error) {
      throw new Error(`the stream was cut off after ${counter.records} of ${total} messages`, {
        cause: error,
      });
    }
    if (!counter.complete) throw new Error(`the stream ended inside message ${counter.records + 1}`);
  }
  try {
    await pipeline(counted(), target, { end: target !== process.stdout });
  } finally {
    bar.stop();
  }
  return counter.records;
}

async function exportMessages(options: ExportOptions, command: Command): Promise<number> {
  const { output, json, format } = options;
  if (options.deliveries === true && format === 'csv')
    command.error('error: --deliveries cannot be combined with --format csv');
  const showBar = readClientConfig().isTty && !json;
  const startedAt = performance.now();
  const summary = (messages: number) => {
    const seconds = Number(((performance.now() - startedAt) / 1_000).toFixed(2));
    // a line of a delivery stands for all of its messages
    const count = options.deliveries === true ? { lines: messages } : { messages };
    return { file: output === undefined ? null : resolve(output), format, ...count, seconds };
  };
  if (output === undefined) {
    // standard output is for the messages
    const messages = await copyMessages(options, process.stdout, showBar && !process.stdout.isTTY);
    if (json) process.stderr.write(`${JSON.stringify(summary(messages))}\n`);
    return 0;
  }
  const file = beginFile(output, options.force);
  try {
    const messages = await copyMessages(options, createWriteStream(file.partial), showBar);
    file.commit();
    const done = summary(messages);
    const unit = options.deliveries === true ? 'lines' : 'messages';
    const text = `${done.file}: ${messages} ${unit} in ${done.seconds} s`;
    process.stdout.write(`${json ? JSON.stringify(done) : text}\n`);
  } finally {
    file.discard();
  }
  return 0;
}

export function addExport(program: Command, finish: Finish): void {
  examples(
    program
      .command('export')
      .description('write all or selected messages of a running system as NDJSON or CSV')
      .addOption(new Option('-f, --format <format>', 'how').choices(FORMATS).default('ndjson'))
      .option('-q, --q <text>', 'only messages whose text contains this, case-insensitive')
      .option('--from <sender>', 'only messages from this sender')
      .option('--to <recipient>', 'only messages to this recipient')
      .option('-s, --source <name>', 'only messages of this source')
      .option('--since <time>', 'only messages at or after this ISO 8601 time')
      .option('--until <time>', 'only messages before this ISO 8601 time')
      .addOption(new Option('--order <order>', 'order by time and id').choices(['asc', 'desc']))
      .option(
        '-o, --output <file>',
        'file to write; it is created only when complete (default: standard output)',
      )
      .option('--force', 'replace an existing file', false)
      .option(
        '--deliveries',
        'write the deliveries of sources in place of their messages, so that they can be imported',
      )
      .addOption(urlOption())
      .addOption(jsonOption())
      .action(async (options: ExportOptions, command: Command) =>
        finish(await exportMessages(options, command)),
      ),
    'export -o messages.ndjson',
    'export --deliveries -o everything.ndjson',
    'export --format csv --from 100 --since 2026-01-01 -o january.csv',
    'export --q invoice | head',
  );
}
