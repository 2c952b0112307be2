/** One child process: started, started again when it ends, stopped within a bound. */
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
   * What a child holds as descriptor 3 closes when we are killed, and it then drains and ends. For a Node child it is an
   * IPC channel, for any other a pipe, which gets a line when the child has ended, for whoever watches it on its behalf.
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
  /** Ended without being asked to. `restartMs` is undefined when it will not be started again. */
  ended(exit: Exit, restartMs: number | undefined): void;
}

export interface Backoff {
  firstMs: number;
  maxMs: number;
  /** A life at least this long starts the count anew. */
  resetAfterMs: number;
}

export const BACKOFF: Backoff = { firstMs: 100, maxMs: 10_000, resetAfterMs: 30_000 };
/** What a child said last may still be in its pipes; a grandchild may hold them open for as long as it likes. */
const OUTPUT_AFTER_EXIT_MS = 500;

export interface Supervised {
  readonly name: string;
  readonly pid: number | undefined;
  /**
   * SIGTERM, then SIGKILL for its whole process group after `graceMs`. Resolves once it has ended: true when it
   * finished its work (exit code 0) or had not begun any, so that SIGTERM ended it before it was listened for.
   */
  stop(graceMs: number): Promise<boolean>;
  /** SIGKILL for its whole process group. Resolves once it has ended; it is not started again. */
  kill(): Promise<void>;
}

export function describeExit({ code, signal }: Exit): string {
  return signal === null ? `exit code ${code}` : signal;
}

function readLines(stream: Readable | null, each: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream, crlfDelay: Infinity }).on('line', each);
}

/** A command that cannot be run counts as exit code 127, as in a shell. */
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
    // its own process group: Ctrl-C on the terminal reaches us alone, and we stop the children in order
    const running = spawn(spec.command, spec.args, {
      env: spec.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', spec.ipc ? 'ipc' : 'pipe'],
    });
    child = running;
    // undefined for an IPC channel
    const tie = running.stdio[3] as Socket | undefined;
    // whoever watched may have ended too
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
      // it has just ended
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
