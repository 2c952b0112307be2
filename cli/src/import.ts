/** `lyftr import`: sends the messages and deliveries of a file through the intake of a running system. */
import { statSync } from 'node:fs';
import { Option, type Command } from 'commander';
import { openClient, type ClientOptions } from './client.js';
import { readClientConfig } from './config.js';
import { writeFailure } from './failure.js';
import { EXIT_FAILED, exitWhenInterrupted } from './exit.js';
import { createDeliverer, type Sendable } from './import-deliver.js';
import { readEntries, type Entry } from './import-read.js';
import { openInput } from './input.js';
import { examples, jsonOption, urlOption, type Finish, type JsonOption } from './options.js';
import { startBar } from './progress.js';
import { FORMATS, type Format } from './record-counter.js';

interface ImportOptions extends ClientOptions, JsonOption {
  format?: Format;
}

interface Refusal {
  line: number;
  reason: string;
}

/** About as many as fit into a queue job. */
const BATCH_MESSAGES_MAX = 500;
/** Redis stores one while the next is read and signed. */
const BATCHES_IN_FLIGHT = 2;
/** Maximum number of refusals in the JSON output. All are counted. */
const REFUSALS_NAMED_MAX = 1_000;

/**
 * Groups entries of one kind into batches below the size limit of the intake, and reports entries that cannot be sent.
 */
async function* batchesOf(
  entries: AsyncIterable<Entry>,
  bytesMax: number,
  onFault: (entry: Entry, fault: string) => void,
): AsyncGenerator<Sendable[]> {
  const empty = (): { batch: Sendable[]; bytes: number } => ({ batch: [], bytes: 0 });
  const filling = { message: empty(), delivery: empty() };
  for await (const entry of entries) {
    const { line, kind, body, fault = '' } = entry;
    if (body === undefined) {
      onFault(entry, fault);
      continue;
    }
    const size = body.length + 1;
    const { batch, bytes } = filling[kind];
    if (batch.length > 0 && (batch.length === BATCH_MESSAGES_MAX || bytes + size > bytesMax)) {
      filling[kind] = empty();
      yield batch;
    }
    filling[kind].batch.push({ line, kind, body });
    filling[kind].bytes += size;
  }
  for (const { batch } of Object.values(filling)) if (batch.length > 0) yield batch;
}

/** Exit code 1 when a line was refused. Throws when the rest of the file was not sent. */
async function importMessages(path: string, options: ImportOptions): Promise<number> {
  const { json, format = path.toLowerCase().endsWith('.csv') ? 'csv' : 'ndjson' } = options;
  const config = readClientConfig();
  const client = openClient(config, options);
  await client.requireAnswer();

  const acknowledged = { message: 0, delivery: 0 };
  const acknowledgedText = (): string =>
    acknowledged.delivery === 0
      ? `${acknowledged.message} messages`
      : `${acknowledged.message} messages and ${acknowledged.delivery} deliveries`;
  let refused = 0;
  const refusals: Refusal[] = [];
  const say = (text: string): void => {
    if (!json) process.stderr.write(`lyftr: ${text}\n`);
  };
  const onRefused = ({ line }: Entry, reason: string): void => {
    refused++;
    if (refusals.length < REFUSALS_NAMED_MAX) refusals.push({ line, reason });
    say(`line ${line} was refused: ${reason}`);
  };
  const deliver = createDeliverer({
    client,
    onRefused,
    onAcknowledged: (kind, count) => (acknowledged[kind] += count),
    onWait: (reason) => say(`${reason}; trying again`),
  });

  const startedAt = performance.now();
  let bytesRead = 0;
  async function* bytes(): AsyncGenerator<Buffer> {
    for await (const chunk of openInput(path) as AsyncIterable<Buffer>) {
      bytesRead += chunk.length;
      yield chunk;
    }
  }
  const isSized = path !== '-' && config.isTty && !json;
  const bar = startBar(isSized, 'bytes', isSized ? statSync(path).size : 0);
  const batches = batchesOf(readEntries(bytes(), format), config.MAX_BODY_BYTES, onRefused);
  const sendOn = async (): Promise<void> => {
    for (let next = await batches.next(); next.done !== true; next = await batches.next()) {
      await deliver(next.value);
      bar.moveTo(bytesRead);
    }
  };
  const tell = (): void =>
    writeFailure(
      `ended early; ${acknowledgedText()} were acknowledged. You can import the file again: they will not be stored twice`,
      json,
    );
  const undo = exitWhenInterrupted();
  process.on('exit', tell);
  try {
    await Promise.all(Array.from({ length: BATCHES_IN_FLIGHT }, sendOn));
  } catch (error) {
    if (acknowledged.message + acknowledged.delivery === 0) throw error;
    const text = `${(error as Error).message}; ${acknowledgedText()} were acknowledged. You can import the file again: they will not be stored twice`;
    throw new Error(text, { cause: error });
  } finally {
    process.off('exit', tell);
    undo();
    bar.stop();
  }

  const seconds = Number(((performance.now() - startedAt) / 1_000).toFixed(2));
  const text = `${acknowledgedText()} acknowledged, ${refused} lines refused, in ${seconds} s`;
  const { message: messages, delivery: deliveries } = acknowledged;
  const summary = { acknowledged: messages, deliveries, refused, refusals, seconds };
  process.stdout.write(`${json ? JSON.stringify(summary) : text}\n`);
  return refused === 0 ? 0 : EXIT_FAILED;
}

export function addImport(program: Command, finish: Finish): void {
  examples(
    program
      .command('import')
      .description('send the messages of an export through the intake of a running system')
      .argument('<file>', 'a file in the format of `lyftr export`; - for standard input')
      .addOption(
        new Option(
          '-f, --format <format>',
          'format of the file (default: csv when its name ends in .csv)',
        ).choices(FORMATS),
      )
      .addOption(urlOption())
      .addOption(jsonOption())
      .addHelpText(
        'after',
        '\nA delivery of a source is accepted without the key of its source, and is marked as imported.\n\nExit code: 1 when a line was refused. All other lines are accepted.',
      )
      .action(async (file: string, options: ImportOptions) => finish(await importMessages(file, options))),
    'import messages.ndjson',
    'import january.csv --json',
    'import - --format csv --url https://lyftr.example < january.csv',
  );
}
