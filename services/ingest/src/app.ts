import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createApp, endApp, onlyMethods, requireOwnName, requireToken } from '@lyftr/shared/runtime/app';
import { createStrictServer } from '@lyftr/shared/runtime/http';
import type { Logger } from '@lyftr/shared/runtime/log';
import { processMetrics } from '@lyftr/shared/runtime/metrics-page';
import type { Registry } from 'prom-client';
import { createRoutes, type Routes, type RoutesOptions } from './routes.js';

const PROCESS_METRICS = '/metrics/process';

export interface IngestAppOptions extends RoutesOptions {
  /** `ok`, or why Redis cannot take messages; asked at every `/readyz`. */
  redisState(): Promise<string>;
  /** Streams a request to query; without it every route that is not ingest's own is 404. */
  forward: ((req: IncomingMessage, res: ServerResponse) => void) | undefined;
  /** Shown at `/metrics/process`, to readers with the token. */
  registry: Registry;
  token: string | undefined;
  log: Logger;
}

/** Deliveries take the short way, everything else goes through Express. */
export function createIngestServer(options: IngestAppOptions): { server: Server; routes: Routes } {
  const app = createApp({
    readiness: async () => ({ redis: await options.redisState(), queue: options.full()?.reason ?? 'ok' }),
  });
  const { forward, registry, token } = options;
  if (token === undefined) app.use(PROCESS_METRICS, requireOwnName());
  app
    .route(PROCESS_METRICS)
    .get(requireToken(token), processMetrics(registry))
    .all(onlyMethods('GET', 'HEAD'));
  if (forward !== undefined) {
    app.use((req, res, next) => {
      if (req.path === '/healthz' || req.path === '/readyz') next();
      else forward(req, res);
    });
  }
  endApp(app, options.log);

  const routes = createRoutes(options);
  const server = createStrictServer((req, res) => {
    const url = req.url ?? '';
    const query = url.indexOf('?');
    const handle = routes.find(query === -1 ? url : url.slice(0, query)) ?? app;
    handle(req, res);
  });
  // a sender that ends its stream behind its last request is answered all the same
  Object.assign(server, { httpAllowHalfOpen: true });
  return { server, routes };
}
