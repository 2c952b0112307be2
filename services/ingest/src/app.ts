import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createApp, endApp, onlyMethods, requireOwnName, requireToken } from '@lyftr/shared/runtime/app';
import { createStrictServer, sendProblem } from '@lyftr/shared/runtime/http';
import type { Logger } from '@lyftr/shared/runtime/log';
import { processMetrics } from '@lyftr/shared/runtime/metrics-page';
import type { Source } from '@lyftr/sources/source';
import type { Registry } from 'prom-client';
import type { BodyOptions } from './body.js';
import { BATCH, createIntake, SINGLE, type Intake, type IntakeOptions } from './intake.js';
import { createReceiver } from './receive.js';

const PROCESS_METRICS = '/metrics/process';

/** `bytesMax` and `unverified` are those of a delivery's body. */
export interface IngestAppOptions extends IntakeOptions, BodyOptions {
  /** Of `/webhook` and `/webhook/batch`. */
  builtIn: Source;
  /** `ok`, or why Redis cannot take messages; asked at every `/readyz`. */
  redisState(): Promise<string>;
  /** Streams a request to query; without it every route that is not ingest's own is 404. */
  forward: ((req: IncomingMessage, res: ServerResponse) => void) | undefined;
  /** Shown at `/metrics/process`, to readers with the token. */
  registry: Registry;
  token: string | undefined;
  log: Logger;
}

/** Deliveries take the short way, everything else goes through Express. `intakes` by path. */
export function createIngestServer(options: IngestAppOptions): {
  server: Server;
  intakes: ReadonlyMap<string, Intake>;
} {
  const app = createApp({
    readiness: async () => ({ redis: await options.redisState(), queue: options.full()?.reason ?? 'ok' }),
  });
  const { forward, bytesMax, unverified, metrics, registry, token } = options;
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

  const intakes = new Map(
    [SINGLE, BATCH].map((route) => [route.path, createIntake(options, route, options.builtIn)]),
  );
  const receivers = new Map(
    [...intakes].map(([path, intake]) => [
      path,
      createReceiver({ path, intake, bytesMax, unverified, metrics }),
    ]),
  );
  const server = createStrictServer((req, res) => {
    const url = req.url ?? '';
    const query = url.indexOf('?');
    const receive = receivers.get(query === -1 ? url : url.slice(0, query));
    if (receive === undefined) app(req, res);
    else if (req.method === 'POST') receive(req, res);
    else sendProblem(res, 'method-not-allowed', { headers: { allow: 'POST' } });
  });
  // a sender that ends its stream behind its last request is answered all the same
  Object.assign(server, { httpAllowHalfOpen: true });
  return { server, intakes };
}
