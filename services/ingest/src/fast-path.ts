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
import { closeBehindAnswer } from '@lyftr/shared/runtime/closing';
import type { ProblemError } from '@lyftr/shared/errors';
import { problemText } from '@lyftr/shared/runtime/http';
import { KEEP_ALIVE_TIMEOUT_MS } from '@lyftr/shared/limits';
import { givenRequestId, newRequestId } from '@lyftr/shared/runtime/request-id';
import { createHeads, lastHead } from './accepted-head.js';
import type { BodyOptions } from './body.js';
import type { Intake, Reply } from './intake.js';
import { readPlainRequest, type PlainRequest } from './plain-request.js';
import { problemOptions } from './receive.js';

/** A body that is still on its way after this long is node:http's, whose time limits then hold. */
const BODY_WAIT_MS = 1_000;
/** Larger bodies arrive in many reads; node:http collects them without copying what came before. */
const BODY_BYTES_MAX = 64 * 1024;

export interface FastPath {
  /** Closes connections that wait for a request, and gives those with half of one to node:http. */
  closeIdle(): void;
}

export interface FastPathOptions extends BodyOptions {
  /** By path. */
  intakes: ReadonlyMap<string, Intake<string>>;
}

/** A request whose body is on its way: a buffer of its whole size, and how much of it has arrived. */
interface Partial {
  request: PlainRequest<Intake<string>>;
  bytes: Buffer;
  length: number;
  since: number;
}

const from = (bytes: Buffer, start: number): Buffer | undefined =>
  bytes.length === start ? undefined : bytes.subarray(start);

/** The answer to a request whose sender ended its stream in the middle of the body. */
const cutOff = (request: PlainRequest<Intake<string>>): string =>
  problemText('bad-request', givenRequestId(request.requestId) ?? newRequestId(), {
    headers: { connection: 'close' },
  });

/**
 * free: the next bytes begin a request, or go on with the partial one. answering: a request is with the intake. blocked:
 * the sender does not read its answers. closing: the last answer is on its way.
 */
type State = 'free' | 'answering' | 'blocked' | 'closing';

/** Puts the fast path in front of a server. */
export function installFastPath(
  server: Server,
  { intakes, bytesMax, unverified }: FastPathOptions,
): FastPath {
  const connections = new Set<Connection>();
  const keptHead = createHeads();
  const handOver = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');

  class Connection implements Reply<string> {
    readonly socket: Socket;
    private state: State = 'free';
    private partial: Partial | undefined;
    /** Of the request that is being answered. */
    private requestId = '';
    private ended = false;

    constructor(socket: Socket) {
      this.socket = socket;
      socket.on('data', this.onData);
      socket.on('end', this.onEnd);
      socket.on('error', this.onClose);
      socket.on('close', this.onClose);
      socket.setTimeout(KEEP_ALIVE_TIMEOUT_MS, this.onTimeout);
    }

    private readonly onData = (chunk: Buffer): void => {
      if (this.state !== 'free') this.hold(chunk);
      else if (this.partial === undefined) this.next(chunk);
      else this.fill(this.partial, chunk);
    };

    /**
     * Puts bytes back until the connection is free, and reads no more. So a sender that does not wait for its answers
     * cannot fill the memory. The end of its stream comes behind these bytes: a paused stream that has none would tell of
     * it at once.
     */
    private hold(bytes: Buffer): void {
      this.socket.pause();
      this.socket.unshift(bytes);
    }

    /** `bytes` begin a request. */
    private next(bytes: Buffer): void {
      const request = readPlainRequest(bytes, intakes);
      if (request === undefined || request.bodyEnd - request.bodyStart > bytesMax) this.giveUp(bytes);
      else if (bytes.length >= request.bodyEnd) this.handle(bytes, request, from(bytes, request.bodyEnd));
      else if (request.bodyEnd > BODY_BYTES_MAX || !unverified.take(request.bodyEnd)) this.giveUp(bytes);
      else this.wait(bytes, request);
    }

    private wait(begun: Buffer, request: PlainRequest<Intake<string>>): void {
      const bytes = Buffer.allocUnsafe(request.bodyEnd);
      begun.copy(bytes);
      this.partial = { request, bytes, length: begun.length, since: performance.now() };
      this.socket.resume();
      sweep();
    }

    private fill(partial: Partial, chunk: Buffer): void {
      const { request, bytes, length } = partial;
      const copied = chunk.copy(bytes, length);
      partial.length += copied;
      if (partial.length < bytes.length) return;
      this.endPartial();
      this.handle(bytes, request, from(chunk, copied));
    }

    private endPartial(): Partial | undefined {
      const { partial } = this;
      if (partial !== undefined) unverified.give(partial.bytes.length);
      this.partial = undefined;
      return partial;
    }

    private handle(bytes: Buffer, request: PlainRequest<Intake<string>>, behind: Buffer | undefined): void {
      const { route, path, headers, contentType, bodyStart, bodyEnd } = request;
      this.state = 'answering';
      if (behind === undefined) this.socket.resume();
      else this.hold(behind);
      const body = bytes.subarray(bodyStart, bodyEnd);
      const given = givenRequestId(request.requestId);
      const requestId = given ?? newRequestId();
      this.requestId = requestId;
      const isTraced = given !== undefined;
      const startedAt = performance.now();
      route.take(
        {
          method: 'POST',
          url: path,
          headers,
          contentType,
          body,
          nowMs: Date.now(),
          requestId,
          isTraced,
          startedAt,
        },
        this,
      );
    }

    ok(answer: string): void {
      const head = server.listening ? keptHead(answer) : lastHead(answer);
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
      if (this.ended || !server.listening) this.close(text, encoding);
      else if (this.socket.write(text, encoding)) this.goOn();
      else {
        this.state = 'blocked';
        this.socket.pause();
        this.socket.once('drain', () => this.goOn());
      }
    }

    private goOn(): void {
      this.state = 'free';
      if (this.ended) this.close('', 'latin1');
      // other connections have their turn between two requests that were sent at once, however many they are
      else if (this.socket.isPaused()) setImmediate(() => this.socket.resume());
    }

    private close(text: string, encoding: 'latin1' | 'utf8'): void {
      this.state = 'closing';
      closeBehindAnswer(this.socket, text, encoding);
    }

    /** Gives the connection to node:http, as if it had just been accepted and nothing had been read but `bytes`. */
    private giveUp(bytes: Buffer): void {
      connections.delete(this);
      const { socket } = this;
      socket.off('data', this.onData);
      socket.off('end', this.onEnd);
      socket.off('error', this.onClose);
      socket.off('close', this.onClose);
      socket.setTimeout(0);
      socket.removeAllListeners('timeout');
      socket.pause();
      socket.unshift(bytes);
      for (const listener of handOver) listener.call(server, socket);
      socket.resume();
    }

    private readonly onEnd = (): void => {
      this.ended = true;
      if (this.state !== 'free') return;
      const partial = this.endPartial();
      this.close(partial === undefined ? '' : cutOff(partial.request), 'utf8');
    };

    private readonly onClose = (): void => {
      connections.delete(this);
      this.endPartial();
      this.socket.destroy();
    };

    private readonly onTimeout = (): void => {
      if (this.state !== 'answering') this.socket.destroy();
    };

    get isWaiting(): boolean {
      return this.partial !== undefined;
    }

    /** True when it is node:http's from now on, whose time limits then hold. */
    giveUpPartial(now = Infinity): boolean {
      if (this.partial === undefined || now - this.partial.since < BODY_WAIT_MS) return false;
      const { bytes, length } = this.partial;
      this.endPartial();
      this.giveUp(bytes.subarray(0, length));
      return true;
    }

    /** Ends what waits for a request, or for a sender that does not read. */
    closeIdle(): void {
      if (this.giveUpPartial()) return;
      if (this.state === 'free' || this.state === 'blocked') this.socket.destroy();
    }
  }

  /** Runs only while a body is on its way. */
  let sweeper: NodeJS.Timeout | undefined;
  function sweep(): void {
    sweeper ??= setTimeout(() => {
      sweeper = undefined;
      const now = performance.now();
      let more = false;
      for (const connection of connections)
        more = (connection.isWaiting && !connection.giveUpPartial(now)) || more;
      if (more) sweep();
    }, BODY_WAIT_MS / 4);
  }

  server.on('connection', (socket: Socket) => {
    connections.add(new Connection(socket));
  });

  return {
    closeIdle() {
      clearTimeout(sweeper);
      sweeper = undefined;
      for (const connection of connections) connection.closeIdle();
    },
  };
}
