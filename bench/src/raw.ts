/** What it costs to keep a whole body as the text of a message, as the mapping `raw` does. */
import { mkdtempSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { MappedDelivery } from '@lyftr/shared/batch';
import { openWriteStore } from '@lyftr/store/open';
import { databaseFile } from '@lyftr/store/sqlite/format';
import type { Benchmark } from './context.js';
import { compared } from './results.js';

const DELIVERIES = 2_000;
const BATCH = 100;
const BODY_BYTES = 10_000;
const SHORT_CHARS = 200;
const WORDS =
  'action opened closed merge branch update readme test build deploy release issue label review comment'.split(
    ' ',
  );

/** Pseudo-random integers below `limit`, the same in each run. */
function createRandom(): (limit: number) => number {
  let state = 7;
  return (limit) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * limit);
  };
}

/** A body in the shape of a push event: repeated names, words, addresses, times and hashes. */
function bodyOf(random: (limit: number) => number): string {
  const word = (): string => WORDS[random(WORDS.length)] as string;
  const hash = (): string => Array.from({ length: 40 }, () => random(16).toString(16)).join('');
  const commit = () => ({
    id: hash(),
    message: Array.from({ length: 10 }, word).join(' '),
    timestamp: new Date(1.7e12 + random(1e9)).toISOString(),
    author: { name: word(), email: `${word()}@example.com` },
    url: `https://example.com/${word()}/commit/${hash()}`,
    modified: [`src/${word()}/${word()}.ts`],
  });
  const commits: string[] = [];
  for (let bytes = 0; bytes < BODY_BYTES; bytes += commits.at(-1)?.length ?? 0)
    commits.push(JSON.stringify(commit()));
  return `{"commits":[${commits.join(',')}]}`;
}

function deliveryOf(body: string, index: number, textChars: number): MappedDelivery {
  const id = `code:${index}`;
  return {
    delivery: {
      source: 'code',
      scheme: 'github',
      key: 'main',
      id: String(index),
      verifiedAt: 1.7e12,
      contentType: 'application/json',
      headers: {},
      body,
    },
    messages: [
      { tuple: [id, 'code', 'github', 1.7e9 + index, body.slice(0, textChars)], tsIsOfDelivery: true },
    ],
    leftovers: [],
  };
}

interface Cost {
  /** Microseconds of CPU for each delivery. */
  storing: number;
  indexing: number;
  /** Bytes for each delivery. */
  index: number;
  file: number;
}

async function cpuOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / DELIVERIES;
}

async function costOf(dir: string, textChars: number): Promise<Cost> {
  const DATA_DIR = mkdtempSync(join(dir, 'raw-'));
  const store = await openWriteStore({ STORE_URL: 'sqlite:', DATA_DIR }, 'bench');
  const random = createRandom();
  const deliveries = Array.from({ length: DELIVERIES }, (_, i) => deliveryOf(bodyOf(random), i, textChars));
  const storing = await cpuOf(async () => {
    for (let first = 0; first < DELIVERIES; first += BATCH) {
      const items = deliveries.slice(first, first + BATCH);
      const range: [number, number] = [first + 1, first + items.length];
      await store.commit([{ numbers: { producer: 'p', range }, at: 1, items }]);
    }
  });
  const indexing = await cpuOf(async () => {
    while ((await store.indexStep(BATCH)) > 0);
  });
  await store.close();
  const file = databaseFile(DATA_DIR);
  const database = new Database(file, { readonly: true });
  const bytes = database
    .prepare("SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'message_text%'")
    .pluck()
    .get() as number;
  database.close();
  return { storing, indexing, index: bytes / DELIVERIES, file: statSync(file).size / DELIVERIES };
}

export const raw: Benchmark = {
  name: '94-raw',
  title: `Deliveries of ${BODY_BYTES / 1_000} kB of JSON: the whole body as text, against its first ${SHORT_CHARS} characters`,
  async run(context) {
    const { dir, rounds } = context;
    const pairs: { ours: Cost; peer: Cost }[] = [];
    for (let round = 0; round < rounds; round++) {
      pairs.push({ ours: await costOf(dir, Infinity), peer: await costOf(dir, SHORT_CHARS) });
      context.say(`round ${round + 1} of ${rounds}`);
    }
    const figures: [string, keyof Cost][] = [
      ['CPU µs to store a delivery', 'storing'],
      ['CPU µs to index a delivery', 'indexing'],
      ['bytes of the text index per delivery', 'index'],
      ['bytes of the database per delivery', 'file'],
    ];
    return figures.map(([figure, name]) =>
      compared(
        figure,
        `text of ${SHORT_CHARS} characters`,
        pairs.map(({ ours, peer }) => ({ ours: ours[name], peer: peer[name] })),
        undefined,
      ),
    );
  },
};
