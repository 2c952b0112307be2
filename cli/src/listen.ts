/** `lyftr listen`: prints messages as they arrive, and forwards their deliveries. */
import { setTimeout as delay } from 'node:timers/promises';
import { InvalidArgumentError, type Command } from 'commander';
import type { Sign } from '@lyftr/sources/source';
import { watchArrivals, type ListedMessage } from './arrivals.js';
import { openClient, type ClientOptions } from './client.js';
import { readClientConfig, type ClientConfig } from './config.js';
import { createForwarder, type Forwarded } from './forward.js';
import { examples, jsonOption, requireOption, urlOption, type Finish, type JsonOption } from './options.js';
import { printable } from './printable.js';
import { retryAfterMs } from './retry.js';
import { openSourceSigner, privateKeyOption, sourcesOption, type SignerOptions } from './source-signer.js';

interface ListenOptions extends ClientOptions, SignerOptions, JsonOption {
  source?: string;
  from?: string;
  to?: string;
  q?: string;
  /** Where deliveries are forwarded to. */
  forward?: string;
  /** Sign forwarded deliveries as the provider of their source. */
  sign?: true;
}

const POLL_MS = 500;
const TEXT_CHARS_MAX = 200;

function target(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new InvalidArgumentError('It must be an address such as http://localhost:3000/webhooks.');
  return url.href;
}

/** The filters as parameters of `GET /messages`. */
function filtersOf({ source, from, to, q }: ListenOptions): Record<string, string> {
  const all = Object.entries({ source, from_: from, to, q });
  return Object.fromEntries(all.filter((entry) => entry[1] !== undefined)) as Record<string, string>;
}

/** One line without control characters. */
export function messageLine({ ts, source = '-', from, to, text }: ListedMessage): string {
  const time = new Date(ts * 1_000).toISOString().slice(0, 19);
  const characters = Array.from(text);
  const cut = characters.length > TEXT_CHARS_MAX;
  const shown = cut ? `${characters.slice(0, TEXT_CHARS_MAX).join('')}…` : text;
  return printable(`${time}  ${source}  ${from} → ${to}  ${shown}`.trimEnd());
}

export function forwardedLine(forwarded: Forwarded | undefined, to: string): string {
  if (forwarded === undefined) return '    forwarded with the message before it';
  const { status, error } = forwarded;
  return printable(
    status === undefined ? `    NOT FORWARDED to ${to}: ${error}` : `    ${status} from ${to}`,
  );
}

function signers(options: ListenOptions, config: ClientConfig): (source: string) => Promise<Sign> {
  const opened = new Map<string, Promise<Sign>>();
  return (source) => {
    const signer = opened.get(source) ?? openSourceSigner(source, options, config).then(({ sign }) => sign);
    opened.set(source, signer);
    return signer;
  };
}

/** Resolves with exit code 0 when it is interrupted, or when nothing reads its output any more. */
function interrupted(): Promise<number> {
  return new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => resolve(0));
    process.stdout.on('error', () => resolve(0));
  });
}

async function listen(options: ListenOptions, command: Command): Promise<number> {
  requireOption(options, 'forward', ['sign', 'sources', 'privateKey'], command);
  const { json, forward } = options;
  const config = readClientConfig();
  const client = openClient(config, options);
  const arrivals = watchArrivals(client, filtersOf(options));
  const post =
    forward === undefined
      ? undefined
      : createForwarder({
          client,
          target: forward,
          signerOf: options.sign === true ? signers(options, config) : undefined,
        });
  const say = (text: string): void => {
    if (!json) process.stderr.write(`lyftr: ${printable(text)}\n`);
  };

  async function show(message: ListedMessage): Promise<void> {
    if (!json) process.stdout.write(`${messageLine(message)}\n`);
    const forwarded = await post?.(message);
    if (json)
      process.stdout.write(
        `${JSON.stringify(post === undefined ? { message } : { message, forwarded: forwarded ?? null })}\n`,
      );
    else if (forward !== undefined) process.stdout.write(`${forwardedLine(forwarded, forward)}\n`);
  }

  async function watchOn(): Promise<never> {
    let older = 0;
    let isAway = false;
    for (;;) {
      try {
        for (const message of await arrivals.next()) await show(message);
        if (isAway) say('it responds again');
        isAway = false;
        if (arrivals.older > older)
          say(`${arrivals.older - older} more arrived with a much earlier time, which is not shown`);
        ({ older } = arrivals);
        await delay(POLL_MS);
      } catch (error) {
        const waitMs = retryAfterMs(error);
        if (waitMs === undefined) throw error;
        if (!isAway) say(`${(error as Error).message}; trying again`);
        isAway = true;
        await delay(waitMs);
      }
    }
  }

  const end = interrupted();
  await arrivals.begin();
  process.stderr.write(
    json
      ? `${JSON.stringify({ listening: client.origin })}\n`
      : `lyftr: listening to ${client.origin}; Ctrl-C ends it\n`,
  );
  return Promise.race([watchOn(), end]);
}

export function addListen(program: Command, finish: Finish): void {
  examples(
    program
      .command('listen')
      .description(
        'print messages as they arrive, until Ctrl-C, and forward their deliveries to another program',
      )
      .option('-s, --source <name>', 'only messages of this source')
      .option('--from <sender>', 'only messages from this sender')
      .option('--to <recipient>', 'only messages to this recipient')
      .option('-q, --q <text>', 'only messages whose text contains this, case-insensitive')
      .option('--forward <url>', 'post each delivery to this address, with the headers that are kept', target)
      .option('--sign', 'sign forwarded deliveries again, as the provider of their source')
      .addOption(sourcesOption())
      .addOption(privateKeyOption())
      .addOption(urlOption())
      .addOption(jsonOption())
      .addHelpText(
        'after',
        '\nThis is for watching. Do not build a program on it: it looks twice a second, it shows no message that arrives more\nthan 12 hours after its time (it says how many there were), and it forwards nothing a second time.',
      )
      .action(async (options: ListenOptions, command: Command) => finish(await listen(options, command))),
    'listen',
    'listen --source code --q deploy',
    'listen --forward http://localhost:3000/webhooks --sign --sources sources.json',
  );
}
