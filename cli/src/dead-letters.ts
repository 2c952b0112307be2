/** `lyftr dead-letters`: looks at what could not be stored for its own sake, sends it again, or discards it. */
import { AnswerError, type Client } from '@lyftr/shared/client';
import type { Message } from '@lyftr/shared/message';
import { NotDiscardedError, replay, ReplayError, type Letter } from '@lyftr/shared/replay';
import { openClient, type ClientOptions } from './client.js';
import { readClientConfig } from './config.js';
import { printable } from './printable.js';

export interface DeadLettersOptions extends ClientOptions {
  /** One line of JSON instead of text. */
  json: boolean;
}

export interface ListOptions extends DeadLettersOptions {
  limit: number;
  offset: number;
}

export interface ReplayOptions extends DeadLettersOptions {
  /** The id under which the only message of the letter is sent. */
  as?: string;
}

interface Page {
  total: number;
  data: Letter[];
  has_more: boolean;
}

const NOT_FOUND = 404;
const KIND_WIDTH = 'conflicting_duplicate'.length;

const open = (options: ClientOptions): Client => openClient(readClientConfig(), options);

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Turns the answer 404 into a line that names the letter. */
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

const remove = (client: Client, id: number): Promise<void> =>
  ofLetter(id, client.removeAtWriter(`/dead-letters/${id}`));

/** Newest first; with `json` the answer of `GET /dead-letters`. Every verb resolves with its exit code, or throws. */
export async function listDeadLetters({ limit, offset, json, ...options }: ListOptions): Promise<number> {
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
  const more = page.has_more ? `; the next are at --offset ${offset + page.data.length}` : '';
  print(`${page.data.length} of ${page.total} dead letters${more}`);
  return 0;
}

export async function showDeadLetter(id: number, { json, ...options }: DeadLettersOptions): Promise<number> {
  const letter = await read(open(options), id);
  if (json) {
    print(JSON.stringify(letter));
    return 0;
  }
  for (const [name, value] of Object.entries(letter))
    if (value !== null) print(`${name.padEnd(11)}  ${printable(String(value))}`);
  return 0;
}

export async function discardDeadLetter(
  id: number,
  { json, ...options }: DeadLettersOptions,
): Promise<number> {
  await remove(open(options), id);
  print(json ? JSON.stringify({ id, discarded: true }) : `dead letter ${id} is discarded`);
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

/** What was not done, and the command that goes on from there. */
function explain(id: number, error: unknown): unknown {
  if (error instanceof ReplayError) {
    const next = error.needsId
      ? `. Replay it under another id: lyftr dead-letters replay ${id} --as NEW_ID`
      : '';
    return new Error(`dead letter ${id} is not replayed: ${error.message}${next}`, { cause: error });
  }
  if (error instanceof NotDiscardedError) {
    const next = `Finish with: lyftr dead-letters discard ${id}`;
    return new Error(`dead letter ${id} is ${error.message}. ${next}`, { cause: error });
  }
  return error;
}

/** Sends the messages of a letter through the intake, and discards the letter once they are acknowledged. */
export async function replayDeadLetter(id: number, { as, json, ...options }: ReplayOptions): Promise<number> {
  const client = open(options);
  const letter = await read(client, id);
  const port = {
    isTaken: (messageId: string) => isTaken(client, messageId),
    deliver: (messages: readonly Message[]) => client.deliver(messages),
    discard: () => remove(client, id),
  };
  const replayed = await replay(port, letter, as).catch((error: unknown) => {
    throw explain(id, error);
  });
  const count = replayed === 1 ? '1 message' : `${replayed} messages`;
  print(
    json
      ? JSON.stringify({ id, replayed, discarded: true })
      : `dead letter ${id}: ${count} acknowledged, and the letter is discarded`,
  );
  return 0;
}
