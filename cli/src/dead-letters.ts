/** `lyftr dead-letters`: lists, replays and discards messages that could not be stored because of their content. */
import { InvalidArgumentError, type Command } from 'commander';
import { AnswerError, type Client } from '@lyftr/shared/client/client';
import { NotDiscardedError, replay, ReplayError, type Letter } from '@lyftr/shared/client/replay';
import { UNMAPPED_DELIVERY } from '@lyftr/shared/outcomes';
import type { SentDelivery } from '@lyftr/shared/sources';
import { openClient, type ClientOptions } from './client.js';
import { readClientConfig } from './config.js';
import {
  examples,
  jsonOption,
  messageId,
  positive,
  urlOption,
  wholeNumber,
  type Finish,
  type JsonOption,
} from './options.js';
import { printable } from './printable.js';

interface DeadLettersOptions extends ClientOptions, JsonOption {}

interface ListOptions extends DeadLettersOptions {
  limit: number;
  offset: number;
}

interface ReplayOptions extends DeadLettersOptions {
  /** The new id of the only message of the dead letter. */
  as?: string;
}

interface Page {
  total: number;
  /** `received_at` is ISO 8601, UTC. */
  data: (Letter & { received_at: string })[];
  has_more: boolean;
}

/** Maximum page size of `GET /dead-letters`. */
const PAGE_MAX = 100;
const NOT_FOUND = 404;
const KIND_WIDTH = 'conflicting_duplicate'.length;

const open = (options: ClientOptions): Client => openClient(readClientConfig(), options);

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Converts a 404 into an error that names the dead letter. */
async function ofLetter<T>(id: number, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof AnswerError && error.status === NOT_FOUND)
      throw new Error(`there is no dead letter ${id}`, { cause: error });
    throw error;
  }
}

const read = (client: Client, id: number): Promise<Letter> =>
  ofLetter(id, client.get(`/dead-letters/${id}`) as Promise<Letter>);

async function remove(client: Client, id: number): Promise<void> {
  await ofLetter(id, client.remove(`/dead-letters/${id}`));
}

/**
 * Lists dead letters, newest first. With `json`, prints the response of `GET /dead-letters`. Every verb resolves with
 * its exit code, or throws.
 */
async function listDeadLetters({ limit, offset, json, ...options }: ListOptions): Promise<number> {
  const page = (await open(options).get(`/dead-letters?limit=${limit}&offset=${offset}`)) as Page;
  if (json) {
    print(JSON.stringify(page));
    return 0;
  }
  for (const { id, kind, received_at, message_id, reason } of page.data) {
    const who = message_id === null ? '' : `${JSON.stringify(message_id)}  `;
    print(
      printable(`${String(id).padStart(6)}  ${received_at}  ${kind.padEnd(KIND_WIDTH)}  ${who}${reason}`),
    );
  }
  const more = page.has_more ? `; continue with --offset ${offset + page.data.length}` : '';
  print(`${page.data.length} of ${page.total} dead letters${more}`);
  return 0;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

async function showDeadLetter(id: number, { json, ...options }: DeadLettersOptions): Promise<number> {
  const letter = await read(open(options), id);
  if (json) {
    print(JSON.stringify(letter));
    return 0;
  }
  for (const [name, value] of Object.entries(letter))
    if (value !== null) print(`${name.padEnd(11)}  ${printable(textOf(value))}`);
  return 0;
}

async function discardDeadLetter(id: number, { json, ...options }: DeadLettersOptions): Promise<number> {
  await remove(open(options), id);
  print(json ? JSON.stringify({ id, discarded: true }) : `discarded dead letter ${id}`);
  return 0;
}

async function isTaken(client: Client, id: string): Promise<boolean> {
  try {
    await client.get(`/messages/${encodeURIComponent(id)}`);
    return true;
  } catch (error) {
    if (error instanceof AnswerError && error.status === NOT_FOUND) return false;
    throw error;
  }
}

/** Adds the next command to run to an error. */
function explain(id: number, error: unknown): unknown {
  if (error instanceof ReplayError) {
    const next = error.needsId
      ? `. Replay it under another id: lyftr dead-letters replay ${id} --as NEW_ID`
      : '';
    return new Error(`dead letter ${id} was not replayed: ${error.message}${next}`, { cause: error });
  }
  if (error instanceof NotDiscardedError) {
    const next = `Finish with: lyftr dead-letters discard ${id}`;
    return new Error(`dead letter ${id} was ${error.message}. ${next}`, { cause: error });
  }
  return error;
}

/** Sends the messages of a dead letter through the intake, and discards it when they are acknowledged. */
async function replayDeadLetter(id: number, { as, json, ...options }: ReplayOptions): Promise<number> {
  const client = open(options);
  const letter = await read(client, id);
  const port = {
    isTaken: (taken: string) => isTaken(client, taken),
    deliver: (messages: readonly string[]) => client.deliver(messages),
    redeliver: (delivery: SentDelivery) => client.redeliver(delivery),
    discard: () => remove(client, id),
  };
  const replayed = await replay(port, letter, as).catch((error: unknown) => {
    throw explain(id, error);
  });
  const unit = letter.kind === UNMAPPED_DELIVERY ? 'delivery' : 'message';
  const count = replayed === 1 ? `1 ${unit}` : `${replayed} messages`;
  print(
    json
      ? JSON.stringify({ id, replayed, discarded: true })
      : `dead letter ${id}: ${count} acknowledged, and the dead letter was discarded`,
  );
  return 0;
}

function pageSize(value: string): number {
  const limit = positive(value);
  if (limit > PAGE_MAX) throw new InvalidArgumentError(`It must be a whole number from 1 to ${PAGE_MAX}.`);
  return limit;
}

export function addDeadLetters(program: Command, finish: Finish): void {
  const group = program
    .command('dead-letters')
    .description('list, replay or discard messages that could not be stored because of their content');
  const verb = (usage: string, description: string): Command =>
    group.command(usage).description(description).addOption(urlOption()).addOption(jsonOption());
  examples(
    verb('list', 'list dead letters, newest first')
      .option('-n, --limit <letters>', `maximum number to show, up to ${PAGE_MAX}`, pageSize, 50)
      .option('--offset <letters>', 'number to skip', wholeNumber, 0)
      .action(async (options: ListOptions) => finish(await listDeadLetters(options))),
    'dead-letters list',
    'dead-letters list --limit 10 --offset 10 --json',
  );
  examples(
    verb('show', 'show one dead letter with its raw text from the queue')
      .argument('<id>', 'number of the dead letter', positive)
      .action(async (id: number, options: DeadLettersOptions) => finish(await showDeadLetter(id, options))),
    'dead-letters show 7',
  );
  examples(
    verb(
      'replay',
      'send its messages, or its delivery, through the intake again, and discard it when they are acknowledged',
    )
      .argument('<id>', 'number of the dead letter', positive)
      .option('--as <message-id>', 'new id for its only message', messageId)
      .action(async (id: number, options: ReplayOptions) => finish(await replayDeadLetter(id, options))),
    'dead-letters replay 7',
    'dead-letters replay 7 --as new-id    # a conflicting duplicate needs a new id',
  );
  examples(
    verb('discard', 'remove it permanently')
      .argument('<id>', 'number of the dead letter', positive)
      .action(async (id: number, options: DeadLettersOptions) =>
        finish(await discardDeadLetter(id, options)),
      ),
    'dead-letters discard 7',
  );
}
