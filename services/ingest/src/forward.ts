import { Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import { sendProblem } from '@lyftr/shared/http';
import { rateLimited, type Logger } from '@lyftr/shared/log';
import { createProxyServer } from 'httpxy';

const UPSTREAM_TIMEOUT_MS = 60_000;

/** Streams a request to query and its answer back, so that one origin serves everything. */
export function createForwarder(queryUrl: string, log: Logger) {
  const proxy = createProxyServer({
    target: queryUrl,
    agent: new Agent({ keepAlive: true, maxSockets: 64 }),
    xfwd: true,
    proxyTimeout: UPSTREAM_TIMEOUT_MS,
  });
  const logFailure = rateLimited(1_000, (suppressed, err: unknown) => {
    log.warn({ err, suppressed }, 'query does not answer');
  });
  return (req: IncomingMessage, res: ServerResponse): void => {
    proxy.web(req, res).catch((error: unknown) => {
      if (res.destroyed) return;
      logFailure(error);
      if (res.headersSent) res.destroy();
      else sendProblem(res, 'upstream-unavailable', { headers: { 'retry-after': '1' } });
    });
  };
}
