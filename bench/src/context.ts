/** What every benchmark is given, and the pieces that most of them share. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually, Process, SECRET, System, type Environment } from '@lyftr/test/system';
import { cpuMicroseconds, residentMib } from './proc.js';
import { writeRequests, type RequestFile } from './requests.js';
import { wrk, type WrkResult } from './wrk.js';
import type { Row } from './results.js';

const DIST = fileURLToPath(new URL('.', import.meta.url));

export interface Context {
  /** For files that go when the run ends. */
  dir: string;
  rounds: number;
  /** Length of one measurement. */
  seconds: number;
  /** Pre-signed single deliveries, distinct for longer than a measurement takes. */
  singles: readonly [RequestFile, RequestFile];
  say(line: string): void;
}

export interface Benchmark {
  name: string;
  title: string;
  run(context: Context): Promise<Row[]>;
}

const SINGLES_PER_FILE = 500_000;

/** `more` are further header lines of each, with their ends. */
export function makeSingles(dir: string, name = 'singles', more = ''): readonly [RequestFile, RequestFile] {
  return [
    writeRequests(dir, `${name}-0.bin`, SINGLES_PER_FILE, { more }),
    writeRequests(dir, `${name}-1.bin`, SINGLES_PER_FILE, { first: SINGLES_PER_FILE, more }),
  ];
}

/** Ours, as it runs in production, with both fsyncs on. */
export function startOurs(env: Environment = {}): Promise<System> {
  return System.start({ NODE_ENV: 'production', ...env });
}

export async function startBare(): Promise<{ origin: string; process: Process }> {
  const env = { PORT: '0', WEBHOOK_SECRET: SECRET, NODE_ENV: 'production' };
  const bare = new Process('bare', process.execPath, [join(DIST, 'peers/bare.js')], env);
  return { origin: `http://127.0.0.1:${await bare.port()}`, process: bare };
}

/** The process and its children (the processes of a cluster). */
function family(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) => {
    try {
      return execFileSync('cat', [`/proc/${pid}/task/${task}/children`], { encoding: 'utf8' })
        .trim()
        .split(' ');
    } catch {
      return [];
    }
  });
  return [pid, ...children.filter((child) => child !== '').map(Number)];
}

const total = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + cpuMicroseconds(pid), 0);

export interface Measurement extends WrkResult {
  /** CPU microseconds per message, by process. */
  cpu: Record<string, number>;
  residentMib: Record<string, number>;
}

export interface LoadShape {
  connections: number;
  seconds: number;
  files: readonly [RequestFile, RequestFile];
  /** Messages in a request. */
  perRequest?: number;
}

/** Loads an origin, and accounts the CPU time of the named processes to the messages. */
export async function measure(
  origin: string,
  processes: Record<string, number>,
  { connections, seconds, files, perRequest = 1 }: LoadShape,
): Promise<Measurement> {
  const families = Object.entries(processes).map(([name, pid]) => ({ name, pid, pids: family(pid) }));
  const before = families.map(({ pids }) => total(pids));
  const result = await wrk(origin, files, { connections, seconds });
  if (result.refused > 0 || result.errors > 0) {
    throw new Error(`${result.refused} requests were refused, ${result.errors} connections failed`);
  }
  const messages = result.requests * perRequest;
  const cpu = families.map(({ name, pids }, i) => [name, (total(pids) - (before[i] ?? 0)) / messages]);
  const memory = families.map(({ name, pid, pids }) => [
    name,
    Math.max(...pids.map(residentMib), residentMib(pid)),
  ]);
  return { ...result, cpu: Object.fromEntries(cpu), residentMib: Object.fromEntries(memory) };
}

export function pidsOf(system: System): Record<string, number> {
  return Object.fromEntries(
    ['ingest', 'writer', 'redis'].map((name) => [name, system.process(name).child.pid as number]),
  );
}

/** Resolves when nothing waits in the queue. */
export async function drained(system: System, timeoutMs: number): Promise<void> {
  await eventually(
    'the queue is drained',
    async () => {
      const [waiting, active] = await Promise.all([
        system.redis.llen('lyftr:deliveries:wait'),
        system.redis.llen('lyftr:deliveries:active'),
      ]);
      return waiting + active === 0;
    },
    timeoutMs,
  );
}
