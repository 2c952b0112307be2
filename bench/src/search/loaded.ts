/** Ours while something else goes on: heavy searches, or the writer at full rate. */
import { setTimeout as delay } from 'node:timers/promises';
import type { System } from '@lyftr/test/system';
import { drained, type Context } from '../context.js';
import { writeRequests, type RequestFile } from '../requests.js';
import { compared, type Row } from '../results.js';
import { wrk } from '../wrk.js';
import { connectTo, RefusedError, type Client } from './ask.js';
import type { Bound, QueryClass } from './classes.js';
import { p99, STATS, STATS_BOUND } from './idle.js';
import { pathOf } from './query.js';
import type { Readers } from './readers.js';

const REQUESTS = 1_000;
/** More than the intake takes in a measurement, so that no message is sent twice and none is a cheap duplicate. */
const SINGLES_PER_SECOND = 40_000;
/** `wrk` and the writer get this long to be at full rate before anything is measured. */
const WARM_UP_MS = 1_000;
const CONNECTIONS = 64;

/** What a question counts that is refused, as with 408 when the service cannot even read it in time. */
const REFUSED_MS = 60_000;

/** Asks as many as there is time for, spread over it, and returns the milliseconds of each. */
async function askPaced(client: Client, paths: readonly string[], msMax: number): Promise<number[]> {
  const startedAt = performance.now();
  const latencies: number[] = [];
  for (const [index, path] of paths.entries()) {
    const elapsed = performance.now() - startedAt;
    if (elapsed > msMax) break;
    const early = (index * msMax) / paths.length - elapsed;
    if (early > 1) await delay(early);
    try {
      latencies.push((await client.ask(path)).ms);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      latencies.push(REFUSED_MS);
    }
  }
  return latencies;
}

/** What is cheap, while eight readers ask what is not. */
export async function besideHeavySearches(
  context: Context,
  origin: string,
  pages: QueryClass,
  readers: Readers,
): Promise<Row[]> {
  const cheap: Record<string, string[]> = {
    [STATS]: Array.from({ length: REQUESTS }, () => STATS),
    '/metrics': Array.from({ length: REQUESTS }, () => '/metrics'),
    'first page': pages.queries.slice(0, REQUESTS).map(pathOf),
  };
  const client = connectTo(origin);
  const msMax = context.seconds * 1_000;
  const rows: Row[] = [];
  for (const [name, paths] of Object.entries(cheap)) {
    const pairs: { ours: number; peer: number }[] = [];
    const ask = () => askPaced(client, paths, msMax);
    for (let round = 0; round < Math.min(context.rounds, 3); round++) {
      const peer = p99(await ask());
      const { result, searches, refused } = await readers.during(origin, 8, ask);
      pairs.push({ ours: p99(result), peer });
      context.say(
        `${name}: p99 ms ${p99(result).toFixed(2)} beside ${searches} searches, ${refused} refused (${result.length} requests), idle ${peer.toFixed(2)}`,
      );
    }
    rows.push(compared(`${name} while 8 searches run: p99 ms`, 'idle', pairs, { atMost: 3 }));
  }
  client.close();
  return rows;
}

/** Requests of messages that were never sent before. */
function freshSingles(dir: string, seconds: number): () => readonly [RequestFile, RequestFile] {
  const perFile = Math.ceil((seconds * SINGLES_PER_SECOND) / 2);
  let first = 0;
  return () => {
    const files = [
      writeRequests(dir, 'fresh-0.bin', perFile, { first }),
      writeRequests(dir, 'fresh-1.bin', perFile, { first: first + perFile }),
    ] as const;
    first += 2 * perFile;
    return files;
  };
}

export interface Storing {
  /** Runs `work` while single messages come in as fast as they are taken, for the seconds of a measurement. */
  during<T>(work: () => Promise<T>): Promise<{ result: T; perSecond: number }>;
}

export function createStoring(context: Context, system: System): Storing {
  const seconds = context.seconds + WARM_UP_MS / 1_000;
  const fresh = freshSingles(context.dir, seconds);
  return {
    async during(work) {
      const load = wrk(system.origin, fresh(), { connections: CONNECTIONS, seconds });
      await Promise.race([delay(WARM_UP_MS), load]);
      const result = await work();
      const { perSecond, refused, errors } = await load;
      if (refused > 0 || errors > 0) throw new Error(`${refused} requests were refused, ${errors} failed`);
      await drained(system, 300_000);
      return { result, perSecond };
    },
  };
}

/** Every class again while the writer stores; `idleP99` has the figures of the idle system by the name of their row. */
export async function besideWriter(
  context: Context,
  client: Client,
  storing: Storing,
  classes: readonly QueryClass[],
  idleP99: ReadonlyMap<string, number>,
): Promise<Row[]> {
  const rows: Row[] = [];
  const msMax = context.seconds * 1_000;
  const row = (name: string, latencies: readonly number[], bound: Bound): void => {
    const idle = idleP99.get(`${name}: p99 ms`) ?? NaN;
    const ours = p99(latencies);
    context.say(
      `${name}, while messages are stored: p99 ms ${ours.toFixed(2)} (${latencies.length} requests)`,
    );
    rows.push({
      figure: `${name}, while messages are stored: p99 ms`,
      ours,
      peer: { name: 'idle', value: idle },
      ratio: ours / idle,
      spread: [ours / idle, ours / idle],
      rounds: latencies.length,
      target: { oursAtMost: 2 * bound.msAtMost },
    });
  };
  const ask = (paths: readonly string[], ms: number) => askPaced(client, paths, ms);
  for (const { name, queries, first, again } of classes) {
    const paths = queries.map(pathOf);
    if (again === undefined) {
      const { result } = await storing.during(() => ask(paths, msMax));
      row(name, result, first);
      continue;
    }
    const { result } = await storing.during(async () => {
      const once = await ask(paths, msMax / 2);
      const asked = paths.slice(0, once.length);
      return { once, twice: await ask([...asked, ...asked, ...asked], msMax / 2) };
    });
    row(`${name}, first`, result.once, first);
    row(`${name}, again`, result.twice, again);
  }
  const { result } = await storing.during(() =>
    ask(
      Array.from({ length: REQUESTS }, () => STATS),
      msMax,
    ),
  );
  row(STATS, result, STATS_BOUND);
  return rows;
}

/** What four readers without pause cost the intake. */
export async function intakeBesideReaders(
  context: Context,
  queryOrigin: string,
  storing: Storing,
  readers: Readers,
): Promise<Row> {
  const pairs: { ours: number; peer: number }[] = [];
  for (let round = 0; round < Math.min(context.rounds, 3); round++) {
    const nothing = () => Promise.resolve();
    const { perSecond: peer } = await storing.during(nothing);
    const { result, searches, refused } = await readers.during(queryOrigin, 4, () => storing.during(nothing));
    pairs.push({ ours: result.perSecond, peer });
    context.say(
      `acknowledged/s: ${Math.round(result.perSecond)} beside ${searches} searches, ${refused} refused, ${Math.round(peer)} alone`,
    );
  }
  return compared('acknowledged/s, 64 connections, while 4 readers search', 'no readers', pairs, undefined);
}
