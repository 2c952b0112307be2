/**
 * One `lyftr up` per data directory. Node has no flock, and a file with a pid outlives its process, so the lock is a
 * listening socket: the kernel closes it with its process, and whoever connects is told the holder's pid.
 */
import { once } from 'node:events';
import { renameSync, statSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';

const REPLY_WITHIN_MS = 1_000;
const ATTEMPTS_MAX = 5;

export class LockTakenError extends Error {
  /** Undefined when the holder lives but does not answer, as after SIGSTOP. */
  readonly pid: number | undefined;

  constructor(pid: number | undefined) {
    super(`held by ${pid === undefined ? 'a process that does not answer' : `process ${pid}`}`);
    this.name = 'LockTakenError';
    this.pid = pid;
  }
}

export interface Lock {
  /** The previous holder was killed: what it started may still be running. */
  readonly leftBehind: boolean;
  release(): Promise<void>;
}

/** Rejects with EADDRINUSE when the path exists, whether or not anybody listens there. */
async function listenOn(path: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(`${process.pid}\n`);
  });
  server.listen(path);
  await once(server, 'listening');
  return server;
}

/** `free`: nobody listens. Otherwise the pid that the holder sent, if it did. */
function askHolder(path: string): Promise<'free' | { pid: number | undefined }> {
  return new Promise((resolve, reject) => {
    let reply = '';
    const socket = connect(path);
    const done = (): void => {
      socket.destroy();
      const pid = Number.parseInt(reply, 10);
      resolve({ pid: Number.isNaN(pid) ? undefined : pid });
    };
    socket.setTimeout(REPLY_WITHIN_MS, done);
    socket.on('data', (data) => (reply += data.toString()));
    socket.on('end', done);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve('free');
      else if (error.code === 'ECONNRESET') done();
      else reject(error);
    });
  });
}

/** A file system gives the inode of a removed file to the next one; the time tells the two apart. */
function identity(path: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat && `${stat.ino} ${stat.mtimeNs}`;
}

/**
 * Takes away the socket that nobody listens on. Another start may have done so, and listen there, since we asked; a
 * rename shows what was really taken, and gives it back.
 */
function removeStale(path: string, stale: string | undefined): void {
  if (identity(path) !== stale) return;
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    if (identity(aside) === stale) unlinkSync(aside);
    else renameSync(aside, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Rejects with LockTakenError while another process holds the lock, or with the system's error. */
export async function takeLock(path: string): Promise<Lock> {
  let leftBehind = false;
  for (let attempt = 1; ; attempt++) {
    try {
      const server = await listenOn(path);
      return {
        leftBehind,
        // closing also removes the socket's file
        release: () => new Promise((resolve) => server.close(() => resolve())),
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt === ATTEMPTS_MAX) throw error;
    }
    const found = identity(path);
    const holder = await askHolder(path);
    if (holder !== 'free') throw new LockTakenError(holder.pid);
    removeStale(path, found);
    leftBehind = true;
  }
}
