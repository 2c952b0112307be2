/** Every route that is not ingest's own goes to query, so that one origin serves everything. */
import { Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { ProblemError } from '@lyftr/shared/errors';
import { sendProblem } from '@lyftr/shared/runtime/http';
import { FORWARDED_BODY_BYTES_MAX, FORWARDS_PER_ADDRESS_MAX } from '@lyftr/shared/limits';
import { rateLimited, type Logger } from '@lyftr/shared/runtime/log';
import { requestIdOf } from '@lyftr/shared/runtime/request-id';
import { createProxyServer } from 'httpxy';
import { readBody, type Unverified } from './body.js';
import { refuseRequest } from './receive.js';

const UPSTREAM_TIMEOUT_MS = 60_000;

export interface Forwarder {
  forward: (req: IncomingMessage, res: ServerResponse) => void;
  /** Cuts off what has no end of its own, now and from now on; browsers connect again. */
  endStreams(): void;
}

/** Counts the requests that query works on, by the address they came from. */
function createTurns(turnsMax: number) {
  const taken = new Map<string, number>();
  return {
    /** False when the address has all of its turns; else the answer's end gives the turn back. */
    take(address: string, res: ServerResponse): boolean {
      const turns = (taken.get(address) ?? 0) + 1;
      if (turns > turnsMax) return false;
      taken.set(address, turns);
      res.once('close', () => {
        const left = (taken.get(address) as number) - 1;
        if (left === 0) taken.delete(address);
        else taken.set(address, left);
      });
      return true;
    },
  };
}

/**
 * A reader who leaves closes its connection, and nothing tells that from one who only ends its stream. No search goes on
 * for somebody who may have left.
 */
function endWithReader(req: IncomingMessage, res: ServerResponse): void {
  const leave = (): void => {
    res.destroy();
  };
  const { socket } = req;
  socket.once('end', leave);
  res.once('close', () => socket.off('end', leave));
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;

/**
 * A request goes to query when its body is there, so that a slow sender holds nothing of query's. Its answer is streamed
 * back.
 */
export function createForwarder(queryUrl: string, unverified: Unverified, log: Logger): Forwarder {
  const streams = new Set<ServerResponse>();
  const turns = createTurns(FORWARDS_PER_ADDRESS_MAX);
  let isEnding = false;
  const proxy = createProxyServer({
    target: queryUrl,
    // not bounded here: a request that waits for a connection would wait for those of other readers
    agent: new Agent({ keepAlive: true, maxSockets: Infinity }),
    xfwd: true,
    proxyTimeout: UPSTREAM_TIMEOUT_MS,
  });
  const logFailure = rateLimited(1_000, (suppressed, err: unknown, requestId: string) => {
    log.warn({ err, requestId, suppressed }, 'query is not responding');
  });
  proxy.on('proxyRes', (answer, _req, res) => {
    if (!/^text\/event-stream\b/.test(answer.headers['content-type'] ?? '')) return;
    if (isEnding) res.destroy();
    streams.add(res);
    res.once('close', () => streams.delete(res));
  });

  function send(req: IncomingMessage, res: ServerResponse, buffer?: Readable): void {
    const address = req.socket.remoteAddress ?? '';
    if (!turns.take(address, res)) {
      const reason = `${FORWARDS_PER_ADDRESS_MAX} requests from this address are already in progress.`;
      refuseRequest(req, res, new ProblemError('too-busy', reason, { retryAfterSeconds: 1 }));
      return;
    }
    // the address that is seen here stands last, behind whatever the client claims
    const claimed = req.headers['x-forwarded-for'];
    req.headers['x-forwarded-for'] = claimed === undefined ? address : `${String(claimed)}, ${address}`;
    proxy.web(req, res, buffer && { buffer }).catch((error: unknown) => {
      if (res.destroyed) return;
      logFailure(error, requestIdOf(req));
      if (res.headersSent) res.destroy();
      else sendProblem(res, 'upstream-unavailable', { headers: { 'retry-after': '1' } });
    });
  }

  return {
    forward(req, res) {
      if (!hasBody(req)) {
        endWithReader(req, res);
        send(req, res);
        return;
      }
      readBody(
        req,
        { bytesMax: FORWARDED_BODY_BYTES_MAX, unverified },
        (body) => send(req, res, Readable.from([body])),
        (problem) => refuseRequest(req, res, problem),
      );
    },
    endStreams() {
      isEnding = true;
      for (const res of streams) res.destroy();
    },
  };
}
