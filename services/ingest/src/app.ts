import type { IncomingMessage, ServerResponse } from 'node:http';
import { createApp, endApp } from '@lyftr/shared/app';
import { sendProblem } from '@lyftr/shared/http';
import type { Logger } from '@lyftr/shared/log';
import { BATCH, createIntake, SINGLE, type IntakeOptions } from './intake.js';

export interface IngestAppOptions extends IntakeOptions {
  /** `ok`, or why Redis cannot take messages. */
  redisState(): string;
  /** Streams a request to query; without it every route that is not ingest's own is 404. */
  forward: ((req: IncomingMessage, res: ServerResponse) => void) | undefined;
  log: Logger;
}

/** The request listener: deliveries take the short way, everything else goes through Express. */
export function createIngestApp(options: IngestAppOptions) {
  const app = createApp({
    readiness: () => ({ redis: options.redisState(), queue: options.full() ?? 'ok' }),
  });
  const { forward } = options;
  if (forward !== undefined) {
    app.use((req, res, next) => {
      if (req.path === '/healthz' || req.path === '/readyz') next();
      else forward(req, res);
    });
  }
  endApp(app, options.log);

  const intakes = new Map([SINGLE, BATCH].map((route) => [route.path, createIntake(options, route)]));
  return (req: IncomingMessage, res: ServerResponse): void => {
    const url = req.url ?? '';
    const query = url.indexOf('?');
    const intake = intakes.get(query === -1 ? url : url.slice(0, query));
    if (intake === undefined) app(req, res);
    else if (req.method === 'POST') intake(req, res);
    else sendProblem(res, 'method-not-allowed', { headers: { allow: 'POST' } });
  };
}
