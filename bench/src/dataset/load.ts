/** Puts a data set into a folder, through the whole pipeline, and knows one that is there already. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { databaseFile } from '@lyftr/store/sqlite/format';
import { eventually, System } from '@lyftr/test/system';
import { createDataset, type Dataset, type DatasetShape } from './messages.js';

/** Raised when the same seed gives other messages than before, or the folder another layout. */
const FORMAT = 1;
const PER_REQUEST = 500;
const CONNECTIONS = 4;
/** Bounds what Redis holds meanwhile: intake refuses above it, and this sender waits. */
const HIGH_WATER_MESSAGES = 200_000;
const SETTLE_MS_MAX = 3_600_000;
const POLL_MS = 500;

export interface Progress {
  /** `messages` are acknowledged. */
  sent(messages: number): void;
  /** Everything is stored; `lag` messages wait for the text index. */
  indexing(lag: number): void;
}

interface Manifest extends DatasetShape {
  format: number;
  /** Stored and indexed in full. */
  complete: boolean;
}

const manifestFile = (dataDir: string): string => join(dataDir, 'dataset.json');

function readManifest(dataDir: string): Manifest | undefined {
  if (!existsSync(manifestFile(dataDir))) return undefined;
  return JSON.parse(readFileSync(manifestFile(dataDir), 'utf8')) as Manifest;
}

/**
 * True when the folder holds this data set in full, false when it holds none or a part of it. Throws when it holds
 * something else, which is never overwritten.
 */
export function holdsDataset(dataDir: string, { messages, seed }: DatasetShape): boolean {
  const manifest = readManifest(dataDir);
  if (manifest === undefined) {
    if (!existsSync(databaseFile(dataDir))) return false;
    throw new Error(`${dataDir} holds a database that is no data set: name another folder`);
  }
  if (manifest.format !== FORMAT || manifest.messages !== messages || manifest.seed !== seed) {
    throw new Error(
      `${dataDir} holds ${manifest.messages} messages of seed ${manifest.seed} (format ${manifest.format}), ` +
        `not ${messages} of seed ${seed} (format ${FORMAT}): name another folder, or delete it`,
    );
  }
  return manifest.complete;
}

/** Sends one batch until it is taken; 503 asks for patience. */
async function post(system: System, body: string): Promise<void> {
  for (;;) {
    const { status, headers, text } = await system.post(body, {}, '/webhook/batch');
    if (status === 200) return;
    if (status !== 503) throw new Error(`a batch was answered ${status}: ${text}`);
    await delay(1_000 * Number(headers.get('retry-after') ?? 1));
  }
}

async function sendAll(system: System, dataset: Dataset, progress: Progress): Promise<void> {
  let next = 0;
  let sent = 0;
  const run = async (): Promise<void> => {
    while (next < dataset.messages) {
      const first = next;
      next = Math.min(dataset.messages, first + PER_REQUEST);
      const size = next - first;
      const messages = Array.from({ length: size }, (_, i) => dataset.message(first + i));
      await post(system, JSON.stringify(messages));
      sent += size;
      progress.sent(sent);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, run));
}

/** Resolves when every message is a row, and is in the text index. */
async function settled(system: System, messages: number, progress: Progress): Promise<void> {
  await eventually(
    `${messages} messages are stored`,
    async () => {
      const { total_messages } = (await system.get('/stats')).json as { total_messages: number };
      if (total_messages > messages) throw new Error(`there are ${total_messages} messages`);
      await delay(POLL_MS);
      return total_messages === messages;
    },
    SETTLE_MS_MAX,
  );
  await eventually(
    'the text index has everything',
    async () => {
      const lag = await system.metric('index_lag_messages');
      progress.indexing(lag);
      if (lag > 0) await delay(POLL_MS);
      return lag === 0;
    },
    SETTLE_MS_MAX,
  );
}

/** The last connection to close was query's, which may not write: the log is still beside the database. */
export function foldInLog(dataDir: string): void {
  const database = new Database(databaseFile(dataDir));
  database.pragma('wal_checkpoint(TRUNCATE)');
  database.close();
}

/**
 * Leaves the data set in `dataDir`, with nothing running on it. A folder that holds it already is left as it is; one
 * in which an earlier call was interrupted is completed. Throws when the folder holds something else.
 */
export async function ensureDataset(
  dataDir: string,
  shape: DatasetShape,
  progress: Progress,
): Promise<'made' | 'there already'> {
  if (holdsDataset(dataDir, shape)) return 'there already';
  const { messages, seed } = shape;
  mkdirSync(dataDir, { recursive: true });
  const note = (complete: boolean): void =>
    writeFileSync(manifestFile(dataDir), `${JSON.stringify({ format: FORMAT, messages, seed, complete })}\n`);
  note(false);
  const system = await System.start({
    NODE_ENV: 'production',
    DATA_DIR: dataDir,
    QUEUE_HIGH_WATER: String(HIGH_WATER_MESSAGES),
  });
  try {
    // after an interruption this sends again what is there: the idempotency key absorbs it
    await sendAll(system, createDataset(shape), progress);
    await settled(system, messages, progress);
  } finally {
    await system.stop();
  }
  foldInLog(dataDir);
  note(true);
  return 'made';
}
