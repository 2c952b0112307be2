/**
 * System calls of running processes, recorded by strace. A call's start is taken before the kernel begins it and its
 * end after the kernel has finished, while the process is held; so a call that starts after another one's end, in
 * whichever process, really came after it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, Process } from './system.js';

export interface Call {
  name: string;
  fd: number;
  /** Of the file behind `fd`, or strace's name for a socket. */
  path: string;
  /** The rest of the arguments, as strace writes them: printable ASCII is as it was. */
  data: string;
  result: number;
  /** Epoch microseconds. */
  startUs: number;
  endUs: number;
}

const READS = ['read', 'readv', 'recvfrom', 'recvmsg'];
const WRITES = ['write', 'writev', 'sendto', 'sendmsg', 'pwrite64', 'pwritev'];
const SYNCS = ['fsync', 'fdatasync'];
/** Strings are recorded up to here; a page of SQLite has 4 KiB. */
const DATA_BYTES_MAX = 16_384;

export const isRead = ({ name }: Call): boolean => READS.includes(name);
export const isWrite = ({ name }: Call): boolean => WRITES.includes(name);
/** One that succeeded. */
export const isSync = ({ name, result }: Call): boolean => SYNCS.includes(name) && result === 0;

const LINE = /^(\d+)\.(\d{6}) (\w+)\((\d+)<(.*?)>(?=[,)])(.*)\) += (-?\d+)\b.*<(\d+)\.(\d{6})>$/;

/** One line of `strace -ttt -T -y`; undefined for signals, ends, and calls that were cut off. */
export function parseCall(line: string): Call | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  const [, seconds, micros, name, fd, path, data, result, tookSeconds, tookMicros] = match as unknown as [
    string,
    ...string[],
  ];
  const startUs = Number(seconds) * 1e6 + Number(micros);
  const endUs = startUs + Number(tookSeconds) * 1e6 + Number(tookMicros);
  return {
    name: name as string,
    fd: Number(fd),
    path: path as string,
    data: data as string,
    result: Number(result),
    startUs,
    endUs,
  };
}

/** Undefined, or why processes cannot be traced here. */
export function traceFault(): string | undefined {
  const target = spawn('sleep', ['30'], { stdio: 'ignore' });
  try {
    const args = ['-o', '/dev/null', '-p', String(target.pid)];
    const { error, stderr } = spawnSync('strace', args, { timeout: 1_000, encoding: 'utf8' });
    if (error !== undefined && 'code' in error && error.code === 'ENOENT') return 'strace is not installed';
    return / attached/.test(stderr) ? undefined : `processes cannot be traced here: ${stderr.trim()}`;
  } finally {
    target.kill('SIGKILL');
  }
}

/** Traces `processes` while `work` runs. The calls of each, in order of their start. */
export async function record<N extends string>(
  dir: string,
  processes: Record<N, number>,
  work: () => Promise<void>,
): Promise<Record<N, Call[]>> {
  mkdirSync(dir);
  const pids = Object.entries(processes) as [N, number][];
  const tracers = pids.map(([name, pid]) => {
    // a file per thread: a call that is under way in one never splits the line of another
    const output = ['-ff', '-o', join(dir, name)];
    const calls = `trace=${[...READS, ...WRITES, ...SYNCS].join(',')}`;
    const options = ['-ttt', '-T', '-y', '-s', String(DATA_BYTES_MAX), '-e', calls];
    return new Process('strace', 'strace', [...output, ...options, '-p', String(pid)], {});
  });
  try {
    for (const tracer of tracers) await eventually('strace is attached', () => tracer.logged(' attached'));
    await work();
  } finally {
    await Promise.all(tracers.map((tracer) => tracer.stop('SIGINT')));
  }
  const callsOf = (name: N): Call[] =>
    readdirSync(dir)
      .filter((file) => file.startsWith(`${name}.`))
      .flatMap((file) => readFileSync(join(dir, file), 'utf8').split('\n'))
      .map(parseCall)
      .filter((call) => call !== undefined)
      .toSorted((a, b) => a.startUs - b.startUs);
  return Object.fromEntries(pids.map(([name]) => [name, callsOf(name)])) as Record<N, Call[]>;
}
