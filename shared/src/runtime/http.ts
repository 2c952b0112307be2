/** The HTTP server of every service: a strict parser, time limits, and errors as problems. */
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

/** Connections that close after their current response. Requests that still arrive on them are not answered. */
const closing = new WeakSet<Socket>();

export function sendProblem(res: ServerResponse, code: ProblemCode, options: ProblemOptions = {}): void {
  // use the socket of the request: a response that waits for earlier responses has no socket yet
  if (options.headers?.['connection'] === 'close') closing.add(res.req.socket);
  const body = JSON.stringify(problem(code, options.detail, options.errors));
  res.writeHead(PROBLEMS[code].status, problemHeaders(body, options.headers));
  res.end(body);
}

/** The same response as text, for a socket without a ServerResponse. */
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
 * Finds faults that Node's parser accepts, or refuses without a body: HTTP versions other than 1.0 and 1.1, a missing
 * Host header, and a second one. Node keeps only the first Host header, while a proxy in front may have used the
 * other.
 */
function malformed(req: IncomingMessage): string | undefined {
  const { httpVersionMajor: major, httpVersionMinor: minor } = req;
  if (major !== 1 || (minor !== 1 && minor !== 0)) return 'Only HTTP/1.0 and HTTP/1.1 are supported.';
  const hosts = countHosts(req.rawHeaders);
  if (hosts > 1) return 'The request has more than one Host header.';
  if (hosts === 0 && minor === 1) return 'The request has no Host header.';
  return undefined;
}

/** Sets the request id. Handlers, the service behind this one and the response all use it. */
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
 * The incomplete and unanswered requests of a connection, in order. A sender may have tens of thousands of them on
 * one connection, so these functions never iterate over all of them for one request.
 */
const exchanges = new WeakMap<Socket, { first: Exchange | undefined; last: Exchange }>();

const isOpen = ({ req, res }: Exchange): boolean => !req.complete || !res.writableFinished;

/** The first open exchange. Requests and responses both end in order. */
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

/**
 * Answers bytes that never became a request. There is no ServerResponse for them, so we write the text to the socket.
 */
function refuseSocket(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) {
    socket.destroy();
    return;
  }
  // the connection already closes after an earlier response
  if (closing.has(socket)) return;
  closing.add(socket);
  answerLast(error, socket);
}

/** node:http reports malformed bytes before the earlier requests are answered. This waits for those responses. */
function answerLast(error: NodeJS.ErrnoException, socket: Socket): void {
  const cut = firstOpen(socket);
  if (cut?.req.complete) {
    cut.res.once('finish', () => answerLast(error, socket));
    return;
  }
  if (cut?.res.headersSent) {
    // the request has its response, or the beginning of one
    if (cut.res.writableEnded) closeBehindAnswer(socket);
    else socket.destroy();
    return;
  }
  let code: ProblemCode = 'bad-request';
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') code = 'request-timeout';
  if (error.code === 'HPE_HEADER_OVERFLOW') code = 'headers-too-large';
  // a request with an incomplete body, or with an unreadable head
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
      // `malformed` refuses it and sends a problem
      requireHostHeader: false,
    },
    (req, res) => {
      // requests after the last response are ignored
      if (closing.has(req.socket)) return;
      // otherwise the server could close only after the keep-alive timeout
      if (!server.listening) res.setHeader('connection', 'close');
      begin(req, res);
      identify(req, res);
      const fault = malformed(req);
      if (fault === undefined) listener(req, res);
      else sendProblem(res, 'bad-request', { detail: fault, headers: { connection: 'close' } });
    },
  );
  // no limit: by default node:http silently drops header lines after the thousandth
  server.maxHeadersCount = 0;
  // disconnects a peer that neither sends nor reads
  server.timeout = KEEP_ALIVE_TIMEOUT_MS;
  server.on('connection', (socket: Socket) => {
    // node:http calls destroySoon to close a connection after its last response
    socket.destroySoon = () => closeBehindAnswer(socket);
  });
  server.on('clientError', refuseSocket);
  // by default node:http sends an empty 417, which RFC 9110 allows
  server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => {
    identify(req, res);
    const detail = 'The only supported expectation is 100-continue.';
    sendProblem(res, 'bad-request', { detail, headers: { connection: 'close' } });
  });
  return server;
}

/** Resolves with the bound port. The system chooses it when `port` is 0. Rejects with the system's error. */
export function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** How long an idle keep-alive connection may still send a request. Its response has `Connection: close`. */
const LINGER_MS = 500;

/**
 * Stops accepting connections. Resolves when every connection is closed: each after its next response, or after
 * LINGER_MS without a request. Then calls `closeIdle` for the connections that the server does not track.
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
    // the close() of http would cut idle connections at once, even when a request is on its way
    NetServer.prototype.close.call(server, () => {
      clearInterval(sweep);
      resolve();
    });
  });
}
