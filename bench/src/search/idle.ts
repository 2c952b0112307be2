/** Ours and the peer on a system that does nothing else. */
import { percentile } from '@lyftr/cli/sender';
import { median, type Row } from '../results.js';
import type { Plain } from '../peers/plain.js';
import type { Client } from './ask.js';
import type { Bound, QueryClass } from './classes.js';
import { pathOf, type Query } from './query.js';
import { foundIn, isFoldedAlike, requireSame, requireSameStats, statsIn } from './same.js';

const PEER = 'plain SQL, median';
export const STATS_BOUND: Bound = { msAtMost: 2, fasterAtLeast: 500 };
export const STATS = '/stats';
const STATS_REQUESTS = 1_000;
const PEER_STATS_REQUESTS = 3;
const AGAIN_ROUNDS = 5;
/** Where the peer has to count less than this share of the messages, it is fast too. */
const COUNTED_SHARE = 0.01;

/** p99 in milliseconds. */
export const p99 = (latencies: readonly number[]): number => percentile([...latencies], 0.99);

/** Asks until all are asked or the time is over, and returns the milliseconds of each. */
export async function askAll(client: Client, paths: readonly string[], msMax: number): Promise<number[]> {
  const deadline = performance.now() + msMax;
  const latencies: number[] = [];
  for (const path of paths) {
    if (performance.now() > deadline) break;
    latencies.push((await client.ask(path)).ms);
  }
  return latencies;
}

function boundedRow(
  figure: string,
  latencies: readonly number[],
  pairs: readonly { ours: number; peer: number }[],
  bound: Bound,
): Row {
  const faster = pairs.map(({ ours, peer }) => peer / ours);
  return {
    figure: `${figure}: p99 ms`,
    ours: p99(latencies),
    peer: { name: PEER, value: median(pairs.map(({ peer }) => peer)) },
    ratio: median(faster),
    spread: [Math.min(...faster), Math.max(...faster)],
    rounds: latencies.length,
    target: { oursAtMost: bound.msAtMost, fasterAtLeast: bound.fasterAtLeast },
  };
}

interface PeerAnswer {
  query: Query;
  /** Place of the query in its class. */
  index: number;
  ms: number;
}

/** Asks the peer some of the questions, and compares its answers with ours. */
async function askPeer(
  client: Client,
  plain: Plain,
  { queries, peerQueries }: QueryClass,
  asked: number,
  messages: number,
): Promise<PeerAnswer[]> {
  const answers: PeerAnswer[] = [];
  let foldedChecks = 0;
  for (const [index, query] of queries.slice(0, Math.min(asked, peerQueries)).entries()) {
    const ours = foundIn((await client.ask(pathOf(query))).body);
    const { ms, found } = plain.find(query);
    if (query.q === undefined || isFoldedAlike(query.q)) requireSame(query, ours, found);
    // one is enough: it takes many times longer
    else if (foldedChecks++ === 0) requireSame(query, ours, plain.findFolded(query));
    if (query.q !== undefined || found.total >= COUNTED_SHARE * messages) answers.push({ query, index, ms });
  }
  return answers;
}

/** Rows of a class: asked first, and again where that is another matter. */
export async function measureClass(
  client: Client,
  plain: Plain,
  queryClass: QueryClass,
  { messages, msMax }: { messages: number; msMax: number },
): Promise<Row[]> {
  const { name, queries, first: firstBound, again: againBound } = queryClass;
  const paths = queries.map(pathOf);
  const first = await askAll(client, paths, msMax);
  const asked = paths.slice(0, first.length);
  const repeated = againBound === undefined ? [] : Array.from({ length: AGAIN_ROUNDS }, () => asked);
  const again = await askAll(client, repeated.flat(), msMax);
  const peer = await askPeer(
    client,
    plain,
    queryClass,
    Math.min(first.length, again.length || Infinity),
    messages,
  );
  const pairs = (latencies: readonly number[]) =>
    peer.map(({ index, ms }) => ({ ours: latencies[index] as number, peer: ms }));
  if (againBound === undefined) return [boundedRow(name, first, pairs(first), firstBound)];
  return [
    boundedRow(`${name}, first`, first, pairs(first), firstBound),
    boundedRow(`${name}, again`, again, pairs(again), againBound),
  ];
}

export async function measureStats(client: Client, plain: Plain): Promise<Row> {
  const latencies = await askAll(
    client,
    Array.from({ length: STATS_REQUESTS }, () => STATS),
    60_000,
  );
  const ours = median(latencies);
  const pairs: { ours: number; peer: number }[] = [];
  for (let i = 0; i < PEER_STATS_REQUESTS; i++) {
    const { ms, stats } = plain.stats();
    requireSameStats(statsIn((await client.ask(STATS)).body), stats);
    pairs.push({ ours, peer: ms });
  }
  return boundedRow(STATS, latencies, pairs, STATS_BOUND);
}
