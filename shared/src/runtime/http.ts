/** What every HTTP server here has in common: a strict parser, bounded waits, and problems as answers. */
import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { Server as NetServer, type AddressInfo, type Socket } from 'node:net';
import { closeBehindAnswer } from './closing.js';
import { PROBLEM_TYPE, problem, PROBLEMS, type FieldError, type ProblemCode } from '../errors.js';
import { givenRequestId, newRequestId, REQUEST_ID, requestIdOf } from './request-id.js';
import {
  HEADERS_BYTES_MAX,
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_TIMEOUT_MS,
  REQUEST_TIMEOUT_MS,
} from '../limits.js';

export interface ProblemOptions {
  detail?: string;
  errors?: FieldError[];
  headers?: Record<string, string>;
}

function problemHeaders(body: string, headers: Record<string, string> = {}) {
  return {
    ...headers,
    'content-type': PROBLEM_TYPE,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  };
}

/** Connections that close behind the answer they got: what still arrives on them gets no second one. */
const closing = new WeakSet<Socket>();

export function sendProblem(res: ServerResponse, code: ProblemCode, options: ProblemOptions = {}): void {
  // of the request, for an answer that waits for others in front of it has no socket yet
  if (options.headers?.['connection'] === 'close') closing.add(res.req.socket);
  const body = JSON.stringify(problem(code, options.detail, options.errors));
  res.writeHead(PROBLEMS[code].status, problemHeaders(body, options.headers));
  res.end(body);
}

/** The same answer as text, for a socket that has no ServerResponse. */
export function problemText(code: ProblemCode, requestId: string, options: ProblemOptions = {}): string {
  const body = JSON.stringify(problem(code, options.detail, options.errors));
  const { status } = PROBLEMS[code];
  const all = { ...options.headers, [REQUEST_ID]: requestId };
  const headers = Object.entries(problemHeaders(body, all)).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ndate: ${new Date().toUTCString()}\r\n${headers.join('')}\r\n${body}`;
}

function countHosts(rawHeaders: readonly string[]): number {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts;
}

/**
 * Closes what Node's parser lets through (HTTP versions other than 1.0 and 1.1; a second Host header, of which it keeps
 * the first in silence while a proxy in front may have kept the other) and what it refuses without a body (no Host).
 */
function malformed(req: IncomingMessage): string | undefined {
  const { httpVersionMajor: major, httpVersionMinor: minor } = req;
  if (major !== 1 || (minor !== 1 && minor !== 0)) return 'Only HTTP/1.0 and HTTP/1.1 are spoken here.';
  const hosts = countHosts(req.rawHeaders);
  if (hosts > 1) return 'The request has more than one Host header.';
  if (hosts === 0 && minor === 1) return 'The request has no Host header.';
  return undefined;
}

/** Gives a request its id, which goes on with it: to its handlers, to the service behind this one, and into its answer. */
function identify(req: IncomingMessage, res: ServerResponse): void {
  const requestId = givenRequestId(req.headers[REQUEST_ID]) ?? newRequestId();
  req.headers[REQUEST_ID] = requestId;
  res.setHeader(REQUEST_ID, requestId);
}

interface Exchange {
  req: IncomingMessage;
  res: ServerResponse;
  next: Exchange | undefined;
}

/**
 * The requests of a connection that have not arrived whole or are not answered, in order. A sender may have tens of
 * thousands of them in a connection, so none of these functions walks over all of them at each request.
 */
const exchanges = new WeakMap<Socket, { first: Exchange | undefined; last: Exchange }>();

const isOpen = ({ req, res }: Exchange): boolean => !req.complete || !res.writableFinished;

/** The first that is still open: both requests and answers end in order. */
function firstOpen(socket: Socket): Exchange | undefined {
  const line = exchanges.get(socket);
  if (line === undefined) return undefined;
  while (line.first !== undefined && !isOpen(line.first)) line.first = line.first.next;
  return line.first;
}

function begin(req: IncomingMessage, res: ServerResponse): void {
  const { socket } = req;
  const exchange: Exchange = { req, res, next: undefined };
  const line = exchanges.get(socket);
  if (line === undefined || firstOpen(socket) === undefined) {
    exchanges.set(socket, { first: exchange, last: exchange });
    return;
  }
  line.last.next = exchange;
  line.last = exchange;
}

/** The answer to a request that never became one: there is no ServerResponse yet, so it is written by hand. */
function refuseSocket(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) {
    socket.destroy();
    return;
  }
  // the connection ends behind an answer in front of these bytes
  if (closing.has(socket)) return;
  closing.add(socket);
  answerLast(error, socket);
}

/** node:http reports bad bytes before the requests in front of them are answered, so their answers are waited for. */
function answerLast(error: NodeJS.ErrnoException, socket: Socket): void {
  const cut = firstOpen(socket);
  if (cut?.req.complete) {
    cut.res.once('finish', () => answerLast(error, socket));
    return;
  }
  if (cut?.res.headersSent) {
    // it has its answer, or the beginning of one
    if (cut.res.writableEnded) closeBehindAnswer(socket);
    else socket.destroy();
    return;
  }
  let code: ProblemCode = 'bad-request';
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') code = 'request-timeout';
  if (error.code === 'HPE_HEADER_OVERFLOW') code = 'headers-too-large';
  // a request whose body never came, or one whose head could not be read
  const requestId = cut === undefined ? newRequestId() : requestIdOf(cut.req);
  closeBehindAnswer(socket, problemText(code, requestId, { headers: { connection: 'close' } }));
}

export function createStrictServer(listener: (req: IncomingMessage, res: ServerResponse) => void): Server {
  const server = createServer(
    {
      maxHeaderSize: HEADERS_BYTES_MAX,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: 1_000,
      insecureHTTPParser: false,
      // refused by `malformed`, with a problem as its answer
      requireHostHeader: false,
    },
    (req, res) => {
      // behind the last answer of a connection nothing is taken
      if (closing.has(req.socket)) return;
      // a keep-alive connection would otherwise outlive the server by its whole timeout
      if (!server.listening) res.setHeader('connection', 'close');
      begin(req, res);
      identify(req, res);
      const fault = malformed(req);
      if (fault === undefined) listener(req, res);
      else sendProblem(res, 'bad-request', { detail: fault, headers: { connection: 'close' } });
    },
  );
  // all header lines are looked at: by default node:http drops those behind the thousandth in silence
  server.maxHeadersCount = 0;
  // a peer that neither sends nor reads is cut off
  server.timeout = KEEP_ALIVE_TIMEOUT_MS;
  server.on('connection', (socket: Socket) => {
    // this is how node:http ends a connection behind its last answer
    socket.destroySoon = () => closeBehindAnswer(socket);
  });
  server.on('clientError', refuseSocket);
  // node:http's own answer would be an empty 417 (RFC 9110 leaves it free)
  server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => {
    identify(req, res);
    const detail = 'No expectation but 100-continue is known here.';
    sendProblem(res, 'bad-request', { detail, headers: { connection: 'close' } });
  });
  return server;
}

/** Resolves with the bound port (which is chosen by the system when `port` is 0). Rejects with the system's error. */
export function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** How long a kept-alive connection may still bring a request, which is answered with `Connection: close`. */
const LINGER_MS = 500;

/**
 * Stops accepting and resolves when every connection is closed: each behind its next answer, or when it has been idle
 * for LINGER_MS. `closeIdle` is called then for connections that the server does not know of.
 */
export function closeServer(server: Server, closeIdle: () => void = () => {}): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) {
      resolve();
      return;
    }
    const startedAt = performance.now();
    const sweep = setInterval(() => {
      if (performance.now() - startedAt < LINGER_MS) return;
      server.closeIdleConnections();
      closeIdle();
    }, 50);
    // not http's own close: it cuts idle connections at once, also those on which a request is already on its way
    NetServer.prototype.close.call(server, () => {
      clearInterval(sweep);
      resolve();
    });
  });
}
