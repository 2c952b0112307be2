/** `lyftr load`: sends signed messages to a running system, and checks that every acknowledged one is stored. */
import { randomBytes } from 'node:crypto';
import { builtInSigner } from '@lyftr/sources/open';
import type { Command } from 'commander';
import { openClient } from './client.js';
import { readClientConfig } from './config.js';
import { EXIT_FAILED } from './exit.js';
import { examples, jsonOption, positive, urlOption, type Finish, type JsonOption } from './options.js';
import { startBar } from './progress.js';
import { findSecret } from './secret.js';
import { percentile, requestText, send } from './sender.js';
import { checkStored, type StoredCheck } from './stored-check.js';

interface LoadOptions extends JsonOption {
  number: number;
  connections: number;
  /** Messages per second. Undefined: as fast as they are acknowledged. */
  rate?: number;
  /** Messages per request. More than one go to /webhook/batch. */
  batch: number;
  url?: string;
}

interface Counts {
  acknowledged: number;
  /** Refused messages by status. The system did not accept them. */
  refused: Record<string, number>;
  /** Messages of requests that got a 503 or lost their connection. The system may have accepted them. */
  unknown: number;
}

const WORDS = [
  'order',
  'payment',
  'shipped',
  'delivered',
  'hello',
  'thanks',
  'code',
  'reply',
  'update',
  'tomorrow',
];

/** Message `index` of a run. Its sender is the name of the run, so that its messages can be counted. */
function messageOf(run: string, index: number): string {
  const text = Array.from({ length: 6 }, (_, i) => WORDS[(index * (2 * i + 3) + i) % WORDS.length]).join(' ');
  const ts = Math.floor(Date.now() / 1_000);
  return JSON.stringify({ message_id: `${run}-${index}`, from: run, to: '14155550100', ts, text });
}

/** Sends the messages. Shows a progress bar on standard error when that is a terminal. */
async function sendAll(origin: string, run: string, secret: string, options: LoadOptions, isTty: boolean) {
  const { number, connections, rate, batch } = options;
  const counts: Counts = { acknowledged: 0, refused: {}, unknown: 0 };
  const unknownIds: string[] = [];
  const latencies: number[] = [];
  const requests = Math.ceil(number / batch);
  const size = (index: number): number => Math.min(batch, number - index * batch);
  const ids = (index: number) => Array.from({ length: size(index) }, (_, i) => index * batch + i);
  const bar = startBar(isTty, 'messages', number);
  const sign = builtInSigner(secret);
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once('SIGINT', interrupt);
  const startedAt = performance.now();

  await send({
    origin,
    connections,
    ...(rate === undefined ? {} : { perSecond: rate / batch }),
    signal: stop.signal,
    request(index) {
      if (index >= requests) return undefined;
      const messages = ids(index).map((i) => messageOf(run, i));
      const body = batch === 1 ? (messages[0] as string) : `[${messages.join(',')}]`;
      return requestText(origin, batch === 1 ? '/webhook' : '/webhook/batch', body, sign({ body }));
    },
    answered(index, status, latencyMs) {
      latencies.push(latencyMs);
      if (status === 200) counts.acknowledged += size(index);
      else if (status === 503 || status === 0) {
        counts.unknown += size(index);
        unknownIds.push(...ids(index).map((i) => `${run}-${i}`));
      } else counts.refused[status] = (counts.refused[status] ?? 0) + size(index);
      bar.advance(size(index));
    },
  });
  bar.stop();
  process.off('SIGINT', interrupt);
  return { counts, unknownIds, latencies, seconds: (performance.now() - startedAt) / 1_000 };
}

function report(result: Awaited<ReturnType<typeof sendAll>>, check: StoredCheck) {
  const { counts, latencies, seconds } = result;
  const latencyMs = Object.fromEntries(
    Object.entries({ p50: 0.5, p90: 0.9, p99: 0.99, p999: 0.999, max: 1 }).map(([name, fraction]) => [
      name,
      Number(percentile(latencies, fraction).toFixed(2)),
    ]),
  );
  return {
    ...counts,
    seconds: Number(seconds.toFixed(2)),
    perSecond: Math.round(counts.acknowledged / seconds),
    latencyMs,
    ...check,
  };
}

function print(summary: ReturnType<typeof report>): void {
  const { acknowledged, refused, unknown, seconds, perSecond, latencyMs, stored, missing } = summary;
  const lines = [
    `acknowledged  ${acknowledged} in ${seconds} s, ${perSecond} a second`,
    ...Object.entries(refused).map(([status, count]) => `refused       ${count} with ${status}`),
    ...(unknown > 0 ? [`unknown       ${unknown} (503 or connection lost)`] : []),
    `latency ms    ${Object.entries(latencyMs)
      .map(([name, value]) => `${name} ${value}`)
      .join('  ')}`,
    missing === 0
      ? `stored        ${stored}: every acknowledged message`
      : `MISSING       ${missing} acknowledged messages are not stored`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** Exit code 0 when every acknowledged message is stored, otherwise 1. Throws when no message can be sent. */
async function load(options: LoadOptions): Promise<number> {
  const config = readClientConfig();
  const client = openClient(config, options);
  const { origin } = client;
  const secret = findSecret(config);
  await client.requireAnswer();
  const run = `load-${randomBytes(4).toString('hex')}`;
  const result = await sendAll(origin, run, secret, options, config.isTty && !options.json);
  const check = await checkStored({
    origin,
    token: config.API_TOKEN,
    sender: run,
    acknowledged: result.counts.acknowledged,
    unknownIds: result.unknownIds,
  });
  const summary = report(result, check);
  if (options.json) process.stdout.write(`${JSON.stringify({ run, ...summary })}\n`);
  else print(summary);
  return check.missing === 0 ? 0 : EXIT_FAILED;
}

export function addLoad(program: Command, finish: Finish): void {
  examples(
    program
      .command('load')
      .description(
        'send signed messages to a running system, and check that every acknowledged one is stored',
      )
      .option('-n, --number <messages>', 'number of messages to send', positive, 10_000)
      .option(
        '-c, --connections <connections>',
        'number of connections, each with one request at a time',
        positive,
        64,
      )
      .option(
        '-r, --rate <per-second>',
        'messages per second (default: as fast as they are acknowledged)',
        positive,
      )
      .option('-b, --batch <messages>', 'messages per request', positive, 1)
      .addOption(urlOption())
      .addOption(jsonOption())
      .action(async (options: LoadOptions) => finish(await load(options))),
    'load',
    'load --number 100000 --rate 5000',
    'load --batch 500 --json',
  );
}
