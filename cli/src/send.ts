/** `lyftr send`: sends one signed message, from options or from a file, or a file as the provider of a source would. */
import { randomUUID } from 'node:crypto';
import { InvalidArgumentError, type Command } from 'commander';
import { TS_SECONDS_MAX } from '@lyftr/shared/limits';
import { openClient, type ClientOptions } from './client.js';
import { readClientConfig } from './config.js';
import { readInput } from './input.js';
import {
  examples,
  jsonOption,
  messageId,
  requireOption,
  urlOption,
  type Finish,
  type JsonOption,
} from './options.js';
import { headerText, printAnswer, providerRequest, queryText, sendRequest } from './provider-request.js';
import { openSourceSigner, privateKeyOption, sourcesOption, type SignerOptions } from './source-signer.js';

interface SendOptions extends ClientOptions, SignerOptions, JsonOption {
  id?: string;
  from?: string;
  to?: string;
  ts?: number;
  text?: string;
  source?: string;
  contentType?: string;
  deliveryId?: string;
  query?: string;
  header?: Record<string, string>;
}

const MEMBERS = ['id', 'from', 'to', 'ts', 'text'] as const;

function epochSeconds(value: string): number {
  if (!/^\d{1,12}$/.test(value) || Number(value) > TS_SECONDS_MAX)
    throw new InvalidArgumentError('It must be a number of seconds since 1970.');
  return Number(value);
}

async function bodyOf(file: string | undefined, options: SendOptions, command: Command): Promise<Buffer> {
  const given = MEMBERS.filter((name) => options[name] !== undefined);
  if (file !== undefined) {
    if (given.length > 0) command.error(`error: --${given[0]} cannot be combined with a file`);
    return readInput(file);
  }
  const { id = randomUUID(), from, to, ts = Math.floor(Date.now() / 1_000), text = '' } = options;
  if (from === undefined || to === undefined) command.error('error: give --from and --to, or a file');
  return Buffer.from(JSON.stringify({ message_id: id, from, to, ts, text }));
}

async function sendForSource(
  source: string,
  file: string | undefined,
  options: SendOptions,
  command: Command,
): Promise<number> {
  if (file === undefined) command.error('error: give a file with --source; - for standard input');
  const body = await bodyOf(file, options, command);
  const config = readClientConfig();
  const { contentType, deliveryId, header: headers } = options;
  const signer = await openSourceSigner(source, options, config);
  const request = providerRequest(signer, { body, contentType, deliveryId, headers, query: options.query });
  printAnswer(source, await sendRequest(openClient(config, options), request), options.json);
  return 0;
}

/**
 * Prints the response. Exit code 0 means that the message is acknowledged. Throws AnswerError for any other response.
 */
async function send(file: string | undefined, options: SendOptions, command: Command): Promise<number> {
  requireOption(
    options,
    'source',
    ['sources', 'privateKey', 'contentType', 'deliveryId', 'query', 'header'],
    command,
  );
  if (options.source !== undefined) return sendForSource(options.source, file, options, command);
  const body = await bodyOf(file, options, command);
  const answer = await openClient(readClientConfig(), options).post('/webhook', body, 'application/json');
  const { message_id } = JSON.parse(body.toString()) as { message_id: string };
  const text = `${JSON.stringify(answer)}  message_id ${JSON.stringify(message_id)}`;
  process.stdout.write(`${options.json ? JSON.stringify({ message_id, answer }) : text}\n`);
  return 0;
}

export function addSend(program: Command, finish: Finish): void {
  examples(
    program
      .command('send')
      .description(
        'send one signed message, or a file as the provider of a source would, and print the response',
      )
      .argument('[file]', 'a JSON body, which is signed and sent unchanged; - for standard input')
      .option('--from <sender>', 'sender of the message')
      .option('--to <recipient>', 'recipient of the message')
      .option('--text <text>', 'text of the message (default: empty)')
      .option('--id <message-id>', 'id of the message, its idempotency key (default: a new UUID)', messageId)
      .option('--ts <seconds>', 'time of the message in seconds since 1970 (default: now)', epochSeconds)
      .option('-s, --source <name>', 'sign the file as the provider of this source, with its first key')
      .addOption(sourcesOption())
      .addOption(privateKeyOption())
      .option('--content-type <type>', 'content type of the file (default: found from the file)')
      .option('--delivery-id <id>', 'id of the delivery (default: a new one)')
      .option('--query <query>', 'query of the address at the provider', queryText)
      .option('-H, --header <header>', 'another header, such as "X-GitHub-Event: push"', headerText)
      .addOption(urlOption())
      .addOption(jsonOption())
      .action(async (file: string | undefined, options: SendOptions, command: Command) =>
        finish(await send(file, options, command)),
      ),
    'send --from 100 --to 200 --text hi',
    'send body.json --url https://lyftr.example',
    "send -    # echo '{…}' | lyftr send -",
    'send push.json --source code --header "X-GitHub-Event: push"',
  );
}
