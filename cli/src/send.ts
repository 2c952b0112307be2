/** `lyftr send`: sends one signed message, from options or from a file. */
import { randomUUID } from 'node:crypto';
import { InvalidArgumentError, type Command } from 'commander';
import { TS_SECONDS_MAX } from '@lyftr/shared/limits';
import { openClient, type ClientOptions } from './client.js';
import { readClientConfig } from './config.js';
import { readInput } from './input.js';
import { examples, jsonOption, messageId, urlOption, type Finish, type JsonOption } from './options.js';

interface SendOptions extends ClientOptions, JsonOption {
  id?: string;
  from?: string;
  to?: string;
  ts?: number;
  text?: string;
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

/**
 * Prints the response. Exit code 0 means that the message is acknowledged. Throws AnswerError for any other response.
 */
async function send(file: string | undefined, options: SendOptions, command: Command): Promise<number> {
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
      .description('send one signed message and print the response')
      .argument('[file]', 'a JSON body, which is signed and sent unchanged; - for standard input')
      .option('--from <sender>', 'sender of the message')
      .option('--to <recipient>', 'recipient of the message')
      .option('--text <text>', 'text of the message (default: empty)')
      .option('--id <message-id>', 'id of the message, its idempotency key (default: a new UUID)', messageId)
      .option('--ts <seconds>', 'time of the message in seconds since 1970 (default: now)', epochSeconds)
      .addOption(urlOption())
      .addOption(jsonOption())
      .action(async (file: string | undefined, options: SendOptions, command: Command) =>
        finish(await send(file, options, command)),
      ),
    'send --from 100 --to 200 --text hi',
    'send body.json --url https://lyftr.example',
    "send -    # echo '{…}' | lyftr send -",
  );
}
