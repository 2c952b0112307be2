/** Supervises one child process: starts it, restarts it when it exits, and stops it within a time limit. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { EXIT_SETTINGS } from '@lyftr/shared/runtime/process';

export interface ChildSpec {
  name: string;
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  /**
   * Descriptor 3 of a child closes when we are killed, and the child then drains and exits. For a Node child it is an
   * IPC channel. For any other child it is a pipe, and a process that watches the pipe receives a line when the child
   * has exited.
   */
  ipc: boolean;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export type Output = 'stdout' | 'stderr';

export interface ChildEvents {
  line(text: string, output: Output, pid: number | undefined): void;
  /** Called when the child exits without a request. `restartMs` is undefined when it is not restarted. */
  ended(exit: Exit, restartMs: number | undefined): void;
}

export interface Backoff {
  firstMs: number;
  maxMs: number;
  /** A child that ran this long resets the count of restarts. */
  resetAfterMs: number;
}

export const BACKOFF: Backoff = { firstMs: 100, maxMs: 10_000, resetAfterMs: 30_000 };
/**
 * The last output of a child may still be in its pipes, and a grandchild may keep them open. We wait this long for
 * it.
 */
const OUTPUT_AFTER_EXIT_MS = 500;

export interface Supervised {
  readonly name: string;
  readonly pid: number | undefined;
  /**
   * Sends SIGTERM, and SIGKILL to the whole process group after `graceMs`. Resolves when the child has exited: with
   * true when it finished its work (exit code 0), or when SIGTERM ended it before it had any work.
   */
  stop(graceMs: number): Promise<boolean>;
  /** Sends SIGKILL to the whole process group. Resolves when the child has exited. It is not restarted. */
  kill(): Promise<void>;
}

export function describeExit({ code, signal }: Exit): string {
  return signal === null ? `exit code ${code}` : signal;
}

function readLines(stream: Readable | null, each: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream, crlfDelay: Infinity }).on('line', each);
}

/** A command that cannot be run has exit code 127, as in a shell. */
async function exitOf(child: ChildProcess, onError: (error: Error) => void): Promise<Exit> {
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return { code, signal };
  } catch (error) {
    onError(error as Error);
    return { code: 127, signal: null };
  }
}

export function supervise(spec: ChildSpec, events: ChildEvents, backoff: Backoff = BACKOFF): Supervised {
  let child: ChildProcess | undefined;
  let ended: Promise<Exit> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopping = false;
  let restartMs = backoff.firstMs;

  function start(): void {
    const startedAt = performance.now();
    // its own process group, so that Ctrl-C reaches only us and we stop the children in order
    const running = spawn(spec.command, spec.args, {
      env: spec.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', spec.ipc ? 'ipc' : 'pipe'],
    });
    child = running;
    // undefined for an IPC channel
    const tie = running.stdio[3] as Socket | undefined;
    // the watching process may have exited too
    tie?.on('error', () => {}).unref();
    const { pid } = running;
    readLines(running.stdout, (line) => events.line(line, 'stdout', pid));
    readLines(running.stderr, (line) => events.line(line, 'stderr', pid));
    const closed = once(running, 'close').catch(() => {});
    ended = exitOf(running, (error) => events.line(error.message, 'stderr', pid)).then(async (exit) => {
      tie?.end('\n');
      await Promise.race([closed, delay(OUTPUT_AFTER_EXIT_MS, undefined, { ref: false })]);
      return exit;
    });
    void ended.then((exit) => {
      child = undefined;
      if (!stopping) startAgain(exit, performance.now() - startedAt);
    });
  }

  function startAgain(exit: Exit, uptimeMs: number): void {
    if (exit.code === EXIT_SETTINGS) {
      stopping = true;
      events.ended(exit, undefined);
      return;
    }
    if (uptimeMs >= backoff.resetAfterMs) restartMs = backoff.firstMs;
    timer = setTimeout(start, restartMs);
    events.ended(exit, restartMs);
    restartMs = Math.min(restartMs * 2, backoff.maxMs);
  }

  async function kill(): Promise<void> {
    stopping = true;
    clearTimeout(timer);
    if (child?.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // the process has just exited
    }
    await ended;
  }

  start();
  return {
    name: spec.name,
    get pid() {
      return child?.pid;
    },
    kill,
    async stop(graceMs) {
      stopping = true;
      clearTimeout(timer);
      if (child === undefined || ended === undefined) return true;
      child.kill('SIGTERM');
      const grace = setTimeout(() => void kill(), graceMs);
      const { code, signal } = await ended;
      clearTimeout(grace);
      return code === 0 || signal === 'SIGTERM';
    },
  };
}
