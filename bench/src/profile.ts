/** Where the time of ingest goes at 64 connections, and what one wait for the disk costs: why the figures are what they are. */
import { closeSync, fdatasyncSync, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { percentile } from '@lyftr/cli/sender';
import { measure, pidsOf, startOurs, type Benchmark } from './context.js';
import { measured, type Row } from './results.js';
import { System } from '@lyftr/test/system';

const CONNECTIONS = 64;
const WAITS = 2_000;

interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string } }[];
  samples: number[];
  timeDeltas: number[];
}

/** The first that matches names the group of a function. */
const GROUPS: [string, (name: string, url: string) => boolean][] = [
  ['idle: waiting for Redis and for senders', (name) => name === '(idle)'],
  ['garbage collection', (name) => name === '(garbage collector)'],
  ['system calls that write answers and jobs', (name) => /^write(v|Buffer|\w+String)$/.test(name)],
  [
    'hashing (HMAC)',
    (name, url) => /^(hash|oneShotDigest|sha256|verify)$/i.test(name) || url.includes('/sources/dist/'),
  ],
  ['bullmq, ioredis, msgpackr', (_name, url) => /node_modules\/(bullmq|ioredis|redis-|msgpackr)/.test(url)],
  ['prom-client', (_name, url) => url.includes('node_modules/prom-client')],
  ['ingest and shared', (_name, url) => /\/(ingest|shared)\/dist\//.test(url)],
  ['Node: streams, sockets, timers', (_name, url) => url.startsWith('node:')],
];
const REST = 'native code without a JavaScript frame, among it JSON.parse and reading';

/** Share of the profile's time by group, in percent. */
function sharesOf({ nodes, samples, timeDeltas }: CpuProfile): Map<string, number> {
  const groupOf = new Map(
    nodes.map(({ id, callFrame: { functionName, url } }) => [
      id,
      GROUPS.find(([, matches]) => matches(functionName, url))?.[0] ?? REST,
    ]),
  );
  const micros = new Map<string, number>();
  let all = 0;
  for (const [i, id] of samples.entries()) {
    const delta = timeDeltas[i] ?? 0;
    const group = groupOf.get(id) ?? REST;
    micros.set(group, (micros.get(group) ?? 0) + delta);
    all += delta;
  }
  return new Map(Array.from(micros, ([group, time]) => [group, (time / all) * 100]));
}

async function profileIngest(
  dir: string,
  seconds: number,
  files: Parameters<typeof measure>[2]['files'],
): Promise<CpuProfile> {
  const folder = join(dir, 'profiles');
  mkdirSync(folder, { recursive: true });
  // a signal ends the profile with the process, so only the load is in it: the start is a small part
  const system = await System.start({ NODE_ENV: 'production' }, ['--cpu-prof', `--cpu-prof-dir=${folder}`]);
  const { pid } = system.process('ingest').child;
  try {
    await measure(system.origin, pidsOf(system), { connections: CONNECTIONS, seconds, files });
  } finally {
    await system.stop();
  }
  const file = readdirSync(folder).find((name) => name.includes(`.${String(pid)}.`));
  if (file === undefined) throw new Error('ingest left no profile');
  return JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile;
}

/** Milliseconds of each of many appends of a page with its fdatasync, with nothing else at work. */
function diskWaits(dir: string): number[] {
  const fd = openSync(join(dir, 'waits.bin'), 'w');
  const page = Buffer.alloc(4_096, 1);
  const waits = Array.from({ length: WAITS }, () => {
    const startedAt = performance.now();
    writeSync(fd, page);
    fdatasyncSync(fd);
    return performance.now() - startedAt;
  });
  closeSync(fd);
  return waits;
}

/** Milliseconds of each of many writes to the Redis of a system that does nothing else. */
async function redisWaits(): Promise<number[]> {
  const system = await startOurs();
  const value = 'x'.repeat(64 * 142);
  const waits: number[] = [];
  try {
    for (let i = 0; i < WAITS; i++) {
      const startedAt = performance.now();
      await system.redis.set('lyftr:bench', value);
      waits.push(performance.now() - startedAt);
    }
  } finally {
    await system.stop();
  }
  return waits;
}

export const profile: Benchmark = {
  name: '91-profile',
  title: `Where the time of ingest goes at ${CONNECTIONS} connections, and what a wait for the disk costs`,
  async run({ dir, rounds, seconds, singles }) {
    const profiles: Map<string, number>[] = [];
    for (let round = 0; round < rounds; round++) {
      profiles.push(sharesOf(await profileIngest(join(dir, String(round)), seconds, singles)));
    }
    const groups = new Set(profiles.flatMap((shares) => Array.from(shares.keys())));
    const rows: Row[] = Array.from(groups, (group) =>
      measured(
        `% of ingest's time: ${group}`,
        profiles.map((shares) => shares.get(group) ?? 0),
        undefined,
      ),
    ).toSorted((a, b) => b.ours - a.ours);
    const disk = diskWaits(dir);
    const redis = await redisWaits();
    const waits = (what: string, values: number[]): Row[] =>
      [0.5, 0.99].map((fraction) =>
        measured(`ms of ${what}, p${fraction * 100}`, [percentile(values, fraction)], undefined),
      );
    return [
      ...rows,
      ...waits('one append and fdatasync on this disk, nothing else at work', disk),
      ...waits('one write to Redis with its fsync, nothing else at work', redis),
    ];
  },
};
