import { Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import { sendProblem } from '@lyftr/shared/http';
import { rateLimited, type Logger } from '@lyftr/shared/log';
import { requestIdOf } from '@lyftr/shared/request-id';
import { createProxyServer } from 'httpxy';

const UPSTREAM_TIMEOUT_MS = 60_000;

export interface Forwarder {
  forward: (req: IncomingMessage, res: ServerResponse) => void;
  /** Cuts off what has no end of its own, now and from now on; browsers connect again. */
  endStreams(): void;
}

/** Streams a request to query and its answer back, so that one origin serves everything. */
export function createForwarder(queryUrl: string, log: Logger): Forwarder {
  const streams = new Set<ServerResponse>();
  let isEnding = false;
  const proxy = createProxyServer({
    target: queryUrl,
    agent: new Agent({ keepAlive: true, maxSockets: 64 }),
    xfwd: true,
    proxyTimeout: UPSTREAM_TIMEOUT_MS,
  });
  const logFailure = rateLimited(1_000, (suppressed, err: unknown, requestId: string) => {
    log.warn({ err, requestId, suppressed }, 'query does not answer');
  });
  proxy.on('proxyRes', (answer, _req, res) => {
    if (!/^text\/event-stream\b/.test(answer.headers['content-type'] ?? '')) return;
    if (isEnding) res.destroy();
    streams.add(res);
    res.once('close', () => streams.delete(res));
  });
  return {
    forward(req, res) {
      proxy.web(req, res).catch((error: unknown) => {
        if (res.destroyed) return;
        logFailure(error, requestIdOf(req));
        if (res.headersSent) res.destroy();
        else sendProblem(res, 'upstream-unavailable', { headers: { 'retry-after': '1' } });
      });
    },
    endStreams() {
      isEnding = true;
      for (const res of streams) res.destroy();
    },
  };
}
