/**
 * Handles plain deliveries on the socket itself. A request costs node:http more on its own (parser callbacks, two
 * streams, header objects, timers) than this costs with the signature, JSON and the queue: `1-intake` of the benchmarks.
 *
 * A connection begins here. The first request that is not plain (see plain-request.ts) gives it to node:http with all
 * bytes that were read, and there it stays: every refusal of malformed HTTP, every slow body and every other route is
 * node:http's, as if this file did not exist.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { ProblemError } from '@lyftr/shared/errors';
import { problemText } from '@lyftr/shared/http';
import { KEEP_ALIVE_TIMEOUT_MS } from '@lyftr/shared/limits';
import { givenRequestId, newRequestId, REQUEST_ID } from '@lyftr/shared/request-id';
import type { Intake } from './intake.js';
import { readPlainRequest, type PlainRequest } from './plain-request.js';
import { problemOptions } from './receive.js';

/** A body that is still on its way after this long is node:http's, whose time limits then hold. */
const BODY_WAIT_MS = 1_000;
/** Larger bodies arrive in many reads; node:http collects them without copying what came before. */
const BODY_BYTES_MAX = 64 * 1024;

const KEEP_ALIVE_SECONDS = KEEP_ALIVE_TIMEOUT_MS / 1_000;

const KEPT = `connection: keep-alive\r\nkeep-alive: timeout=${KEEP_ALIVE_SECONDS}\r\n`;
const CLOSED = 'connection: close\r\n';

/** A 200 up to the id of its request. */
const headOf = (answer: string, date: string, connection: string): string =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ndate: ${date}\r\n${connection}` +
  `content-length: ${answer.length}\r\n${REQUEST_ID}: `;

/** The same on a connection that is kept. Made once a second and answer, not once a request. */
function createHeads(): (answer: string) => string {
  let second = 0;
  const made = new Map<string, string>();
  return (answer) => {
    const now = Math.floor(Date.now() / 1_000);
    if (now !== second) {
      second = now;
      made.clear();
    }
    let head = made.get(answer);
    if (head === undefined) {
      head = headOf(answer, new Date(now * 1_000).toUTCString(), KEPT);
      made.set(answer, head);
    }
    return head;
  };
}

export interface FastPath {
  /** Closes connections that wait for a request, and gives those with half of one to node:http. */
  closeIdle(): void;
}

/** Puts the fast path in front of a server. `intakes` by path. */
export function installFastPath(
  server: Server,
  intakes: ReadonlyMap<string, Intake>,
  maxBodyBytes: number,
): FastPath {
  const connections = new Set<Connection>();
  const keptHead = createHeads();
  const handOver = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');

  class Connection {
    readonly socket: Socket;
    /** Bytes of a request that is not complete, or that came while another is being answered. */
    private rest: Buffer | undefined;
    /** Of the request that is being answered. */
    private requestId = '';
    private waitingSince = 0;
    private answering = false;
    private ended = false;

    constructor(socket: Socket) {
      this.socket = socket;
      socket.on('data', this.onData);
      socket.on('end', this.onEnd);
      socket.on('error', this.onClose);
      socket.on('close', this.onClose);
      socket.setTimeout(KEEP_ALIVE_TIMEOUT_MS, this.onTimeout);
    }

    get idle(): boolean {
      return !this.answering && this.rest === undefined;
    }

    private readonly onData = (chunk: Buffer): void => {
      this.rest = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk]);
      if (this.answering) this.hold();
      else this.next();
    };

    /**
     * Reads no more until what is in `rest` has been looked at. So a sender that does not wait for its answers cannot
     * fill the memory, and the end of its stream is not seen before the last of its requests.
     */
    private hold(): void {
      this.socket.pause();
    }

    private next(): void {
      const bytes = this.rest;
      if (bytes === undefined) return;
      const request = readPlainRequest(bytes, intakes);
      const isPlain = request !== undefined && request.bodyEnd - request.bodyStart <= maxBodyBytes;
      if (!isPlain) this.giveUp();
      else if (bytes.length >= request.bodyEnd) this.handle(bytes, request);
      else if (request.bodyEnd > BODY_BYTES_MAX) this.giveUp();
      else this.wait();
    }

    private handle(bytes: Buffer, request: PlainRequest): void {
      const { path, signature, contentType, bodyStart, bodyEnd } = request;
      this.waitingSince = 0;
      this.answering = true;
      this.rest = bytes.length === bodyEnd ? undefined : bytes.subarray(bodyEnd);
      if (this.rest === undefined) this.socket.resume();
      else this.hold();
      const intake = intakes.get(path) as Intake;
      const body = bytes.subarray(bodyStart, bodyEnd);
      const given = givenRequestId(request.requestId);
      const requestId = given ?? newRequestId();
      this.requestId = requestId;
      const isTraced = given !== undefined;
      const startedAt = performance.now();
      intake({ signature, contentType, body, requestId, isTraced, startedAt }, this);
    }

    ok(answer: string): void {
      const head = server.listening ? keptHead(answer) : headOf(answer, new Date().toUTCString(), CLOSED);
      this.answer(`${head}${this.requestId}\r\n\r\n${answer}`, 'latin1');
    }

    refuse(problem: ProblemError): void {
      const options = problemOptions(problem);
      const connection = server.listening ? 'keep-alive' : 'close';
      const headers = { ...options.headers, connection };
      this.answer(problemText(problem.code, this.requestId, { ...options, headers }), 'utf8');
    }

    private answer(text: string, encoding: 'latin1' | 'utf8'): void {
      if (this.socket.destroyed) return;
      if (this.rest !== undefined && server.listening) {
        this.socket.write(text, encoding);
        // not at once: answers that are given synchronously would recurse through every request behind
        setImmediate(() => {
          this.answering = false;
          if (!this.socket.destroyed) this.next();
        });
        return;
      }
      this.answering = false;
      if (this.ended || !server.listening) this.socket.end(text, encoding);
      else this.socket.write(text, encoding);
    }

    private wait(): void {
      if (this.waitingSince === 0) this.waitingSince = performance.now();
      this.socket.resume();
      sweep();
    }

    /** True when it has been waited long enough. */
    overdue(now: number): boolean {
      return this.waitingSince !== 0 && now - this.waitingSince >= BODY_WAIT_MS;
    }

    get waiting(): boolean {
      return this.waitingSince !== 0;
    }

    /** Gives the connection to node:http, as if it had just been accepted and nothing had been read. */
    giveUp(): void {
      connections.delete(this);
      const { socket } = this;
      socket.off('data', this.onData);
      socket.off('end', this.onEnd);
      socket.off('error', this.onClose);
      socket.off('close', this.onClose);
      socket.setTimeout(0);
      socket.removeAllListeners('timeout');
      socket.pause();
      if (this.rest !== undefined) socket.unshift(this.rest);
      for (const listener of handOver) listener.call(server, socket);
      socket.resume();
    }

    private readonly onEnd = (): void => {
      this.ended = true;
      if (this.answering) return;
      if (this.rest === undefined) this.socket.end();
      else this.socket.end(problemText('bad-request', newRequestId(), { headers: { connection: 'close' } }));
    };

    private readonly onClose = (): void => {
      connections.delete(this);
      this.socket.destroy();
    };

    private readonly onTimeout = (): void => {
      if (!this.answering) this.socket.destroy();
    };
  }

  /** Runs only while a body is on its way. */
  let sweeper: NodeJS.Timeout | undefined;
  function sweep(): void {
    sweeper ??= setTimeout(() => {
      sweeper = undefined;
      const now = performance.now();
      let more = false;
      for (const connection of connections) {
        if (connection.overdue(now)) connection.giveUp();
        else more ||= connection.waiting;
      }
      if (more) sweep();
    }, BODY_WAIT_MS / 4);
  }

  server.on('connection', (socket: Socket) => {
    connections.add(new Connection(socket));
  });

  return {
    closeIdle() {
      clearTimeout(sweeper);
      for (const connection of connections) {
        if (connection.idle) connection.socket.destroy();
        else if (connection.waiting) connection.giveUp();
      }
    },
  };
}
