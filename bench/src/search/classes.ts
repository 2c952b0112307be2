/** The kinds of questions that are measured, with many questions of each and what they may cost. */
import { createDataset, type Dataset, type DatasetShape } from '../dataset/messages.js';
import { Random } from '../dataset/random.js';
import { DAYS, FIRST_SECOND } from '../dataset/rhythm.js';
import type { Needles, NeedleKind } from './needles.js';
import type { Query } from './query.js';

export interface Bound {
  /** p99 of ours. */
  msAtMost: number;
  /** Times faster than the peer. */
  fasterAtLeast: number;
}

export interface QueryClass {
  name: string;
  queries: Query[];
  /** For a question that was not asked before; and asked again, where a text is looked for. */
  first: Bound;
  again?: Bound;
  /** Questions that the peer is asked too: it is slow. */
  peerQueries: number;
}

const PAGES = 1_000;
const WARM_UP_PAGES = 200;
const FAR_PAGES = 200;

/** Half of the senders are among those with most messages, as people look at these. */
function someSender(dataset: Dataset, random: Random): string {
  return dataset.message(random.below(random.chance(0.5) ? 200 : dataset.messages)).from;
}

const someSecond = (random: Random): number => {
  const second = FIRST_SECOND + random.below(DAYS * 86_400);
  // people ask for whole hours, programs do not
  return random.chance(0.5) ? second - (second % 3_600) : second;
};

const someOrder = (random: Random): Query['order'] => (random.chance(0.5) ? 'asc' : 'desc');

/** Any mix of the four filters. */
function somePage(dataset: Dataset, random: Random): Query {
  const query: Query = { order: someOrder(random), offset: 0 };
  if (random.chance(0.4)) query.from = someSender(dataset, random);
  if (random.chance(0.4)) query.to = dataset.message(random.below(dataset.messages)).to;
  if (random.chance(0.4)) query.since = someSecond(random);
  if (random.chance(0.4)) query.until = someSecond(random);
  // an empty range is no question
  if ((query.since ?? 0) >= (query.until ?? Infinity)) delete query.until;
  return query;
}

/** One filter or none, and a place among the last tenth of what matches. */
async function farPage(
  dataset: Dataset,
  random: Random,
  totalOf: (query: Query) => Promise<number>,
): Promise<Query> {
  const query: Query = { order: someOrder(random), offset: 0 };
  const filter = random.below(5);
  if (filter === 1) query.from = dataset.message(random.below(200)).from;
  if (filter === 2) query.to = dataset.message(random.below(dataset.messages)).to;
  if (filter === 3) query.since = someSecond(random);
  if (filter === 4) query.until = someSecond(random);
  const total = await totalOf(query);
  return { ...query, offset: Math.max(0, total - 1 - random.below(Math.max(1, Math.floor(total / 10)))) };
}

export interface Questions {
  classes: QueryClass[];
  /** First pages, not in `classes`, for a service that was just started. */
  warmUp: Query[];
}

/** `totalOf` is asked where the far end of a question's matches is. The same shape gives the same questions. */
export async function makeClasses(
  shape: DatasetShape,
  needles: Needles,
  totalOf: (query: Query) => Promise<number>,
): Promise<Questions> {
  const dataset = createDataset(shape);
  const random = new Random(shape.seed ^ 0xc1a55, 0);
  const far: Query[] = [];
  for (let i = 0; i < FAR_PAGES; i++) far.push(await farPage(dataset, random, totalOf));
  const pages = (count: number): Query[] => Array.from({ length: count }, () => somePage(dataset, random));
  function searches(kind: NeedleKind, count: number): Query[] {
    const queries: Query[] = [];
    for (let i = 0; i < count; i++) {
      const q = needles.next(kind);
      if (q === undefined) throw new Error(`the data set has only ${i} ${kind} needles`);
      queries.push({ q, order: someOrder(random), offset: 0 });
    }
    return queries;
  }
  const classes: QueryClass[] = [
    {
      name: 'first page, any mix of from_, to, since, until',
      queries: pages(PAGES),
      first: { msAtMost: 5, fasterAtLeast: 50 },
      peerQueries: 100,
    },
    {
      name: 'offset at the far end',
      queries: far,
      first: { msAtMost: 20, fasterAtLeast: 20 },
      peerQueries: 20,
    },
    {
      name: 'q rare',
      queries: searches('rare', 200),
      first: { msAtMost: 100, fasterAtLeast: 10 },
      again: { msAtMost: 10, fasterAtLeast: 100 },
      peerQueries: 5,
    },
    {
      name: 'q common (in more than a tenth of the messages)',
      queries: searches('common', 40),
      first: { msAtMost: 500, fasterAtLeast: 3 },
      again: { msAtMost: 20, fasterAtLeast: 50 },
      peerQueries: 5,
    },
    {
      name: 'q absent',
      queries: searches('absent', 200),
      first: { msAtMost: 100, fasterAtLeast: 10 },
      again: { msAtMost: 5, fasterAtLeast: 200 },
      peerQueries: 5,
    },
    {
      name: 'q of 2 characters',
      queries: searches('short', 80),
      first: { msAtMost: 1_000, fasterAtLeast: 1 },
      again: { msAtMost: 20, fasterAtLeast: 50 },
      peerQueries: 5,
    },
  ];
  return { classes, warmUp: pages(WARM_UP_PAGES) };
}
