/** Search over a data set: the query service over HTTP, against the same messages in plain SQLite. */
import { closeSync, copyFileSync, createReadStream, fsyncSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { databaseFile } from '@lyftr/store/sqlite/format';
import type { System } from '@lyftr/test/system';
import { startOurs, type Benchmark, type Context } from './context.js';
import { progressBar } from './dataset/bar.js';
import { ensureDataset, foldInLog } from './dataset/load.js';
import { createDataset, type DatasetPlace } from './dataset/messages.js';
import { ensurePlain, openPlain } from './peers/plain.js';
import type { Row } from './results.js';
import { connectTo, type Client } from './search/ask.js';
import { makeClasses, type QueryClass, type Questions } from './search/classes.js';
import { askAll, measureClass, measureStats } from './search/idle.js';
import { besideHeavySearches, besideWriter, createStoring, intakeBesideReaders } from './search/loaded.js';
import { createNeedles } from './search/needles.js';
import { pathOf, type Query } from './search/query.js';
import { startReaders, type Readers } from './search/readers.js';
import { foundIn } from './search/same.js';
import { measureSize } from './search/size.js';

/** For the questions of a class, and again for asking them again; a class that is slow is asked fewer. */
const CLASS_MS_MAX = 60_000;

const queryOrigin = (system: System): string => system.env['QUERY_URL'] as string;

/** Both sides are measured with their file in the page cache. */
async function readThrough(file: string): Promise<void> {
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) void chunk;
}

function toDisk(file: string): void {
  const fd = openSync(file, 'r+');
  fsyncSync(fd);
  closeSync(fd);
}

interface Idle {
  rows: Row[];
  questions: Questions;
}

const startReadersOf = ({ messages, seed }: DatasetPlace, { classes }: Questions): Promise<Readers> =>
  startReaders({
    shape: { messages, seed },
    asked: classes.flatMap(({ queries }) => queries.flatMap(({ q }) => q ?? [])),
  });

const warmUp = (client: Client, questions: Questions): Promise<unknown> =>
  askAll(client, questions.warmUp.map(pathOf), CLASS_MS_MAX);

async function onIdleSystem(context: Context, place: DatasetPlace, plainFile: string): Promise<Idle> {
  const { dataDir, messages } = place;
  const needles = createNeedles(createDataset(place), 0);
  const system = await startOurs({ DATA_DIR: dataDir });
  const client = connectTo(queryOrigin(system));
  const plain = openPlain(plainFile);
  try {
    const totalOf = async (query: Query): Promise<number> =>
      foundIn((await client.ask(pathOf(query))).body).total;
    const questions = await makeClasses(place, needles, totalOf);
    await warmUp(client, questions);
    const rows: Row[] = [];
    const add = (...more: Row[]): void => {
      for (const { figure, ours, ratio } of more) {
        context.say(`${figure}: ${ours.toFixed(2)}, ${ratio?.toFixed(1)} times faster than plain SQL`);
      }
      rows.push(...more);
    };
    for (const queryClass of questions.classes) {
      add(...(await measureClass(client, plain, queryClass, { messages, msMax: CLASS_MS_MAX })));
    }
    add(await measureStats(client, plain));
    const readers = await startReadersOf(place, questions);
    const pages = questions.classes[0] as QueryClass;
    rows.push(...(await besideHeavySearches(context, queryOrigin(system), pages, readers)));
    await readers.close();
    return { rows, questions };
  } finally {
    client.close();
    plain.close();
    await system.stop();
    foldInLog(dataDir);
  }
}

/** On a copy: the data set is kept as it is. */
async function whileStoring(
  context: Context,
  place: DatasetPlace,
  { rows, questions }: Idle,
): Promise<Row[]> {
  const copy = mkdtempSync(join(place.dataDir, 'copy-'));
  const remove = (): void => rmSync(copy, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    copyFileSync(databaseFile(place.dataDir), databaseFile(copy));
    // the writer's fsyncs should not wait for this
    toDisk(databaseFile(copy));
    // a query service that was not asked any of the searches yet
    const system = await startOurs({ DATA_DIR: copy });
    const client = connectTo(queryOrigin(system));
    try {
      await warmUp(client, questions);
      const storing = createStoring(context, system);
      const idle = new Map(rows.map(({ figure, ours }) => [figure, ours]));
      const stored = await besideWriter(context, client, storing, questions.classes, idle);
      const readers = await startReadersOf(place, questions);
      const intake = await intakeBesideReaders(context, queryOrigin(system), storing, readers);
      await readers.close();
      return [...stored, intake];
    } finally {
      client.close();
      await system.stop();
    }
  } finally {
    remove();
    process.off('exit', remove);
  }
}

export function search(place: DatasetPlace): Benchmark {
  const { messages, dataDir, seed } = place;
  return {
    name: `10-search ${messages}`,
    title: `Search over ${messages.toLocaleString('en')} messages, against plain SQL; the ratio says how many times faster`,
    async run(context) {
      const bar = progressBar(messages);
      await ensureDataset(dataDir, { messages, seed }, bar).finally(() => bar.stop());
      context.say(`data set in ${dataDir}`);
      const plainFile = ensurePlain(dataDir);
      for (const file of [databaseFile(dataDir), plainFile]) await readThrough(file);
      const size = measureSize(databaseFile(dataDir), plainFile, messages);
      const idle = await onIdleSystem(context, place, plainFile);
      const storing = await whileStoring(context, place, idle);
      return [...idle.rows, ...storing, ...size];
    },
  };
}
