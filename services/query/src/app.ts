import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import type { Redis } from 'ioredis';
import type { Registry } from 'prom-client';
import { createApp, endApp, onlyMethods } from '@lyftr/shared/runtime/app';
import type { Logger } from '@lyftr/shared/runtime/log';
import { processMetrics, sendMetrics } from '@lyftr/shared/runtime/metrics-page';
import type { ReadStore } from '@lyftr/store/store';
import type { Console } from './routes/console.js';
import { getDeadLetter, listDeadLetters } from './routes/dead-letters.js';
import { docsAsset, docsPage, openApi } from './routes/docs.js';
import { exportMessages } from './routes/export.js';
import { getLedger } from './routes/ledger.js';
import { getMessage, listMessages } from './routes/messages.js';
import type { Metrics } from './system/metrics.js';
import { requestObserver } from './routes/observe.js';
import { runbook } from './routes/runbook.js';
import { listRejects, listSources } from './routes/sources.js';
import { getStats, getTimeline } from './routes/stats.js';
import type { CurrentSources } from '@lyftr/sources/current';

export interface QueryOptions {
  store: ReadStore;
  redis: Redis;
  sources: CurrentSources;
  metrics: Metrics;
  /** Receives the durations of this service's requests. */
  registry: Registry;
  /** Also controls who may read. */
  console: Console;
  /** TRUSTED_PROXIES: the proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted. */
  trustedProxies: string;
  log: Logger;
}

/** Creates the request listener of the server. */
export function createQueryListener(
  options: QueryOptions,
): (req: IncomingMessage, res: ServerResponse) => void {
  const { store, redis, sources, metrics, registry, console, log } = options;
  // readiness does not depend on Redis, because reads do not need it
  const app = createApp({ readiness: async () => ({ database: await store.state() }) });
  app.set('trust proxy', options.trustedProxies);
  console.mountAccess(app);
  console.mount(app);

  const route = <P>(path: string, handler: RequestHandler<P>): void => {
    app
      .route(path)
      .get(handler as unknown as RequestHandler)
      .all(onlyMethods('GET', 'HEAD'));
  };
  route('/messages', listMessages(store));
  route('/export', exportMessages(store));
  route('/messages/:message_id', getMessage(store));
  route('/stats', getStats(store));
  route('/stats/timeline', getTimeline(store));
  route('/sources', listSources(sources, redis));
  route('/rejects', listRejects(redis));
  route('/ledger', getLedger(store, redis));
  route('/dead-letters', listDeadLetters(store));
  route('/dead-letters/:id', getDeadLetter(store));
  route('/metrics', async (req, res) => {
    await sendMetrics(req, res, await metrics.families());
  });
  route('/metrics/process', processMetrics(registry));
  route('/openapi.json', openApi());
  route('/docs', docsPage());
  route('/docs/runbook', runbook());
  route('/docs/:file', docsAsset());
  endApp(app, log);

  const observe = requestObserver(registry, app);
  return (req, res) => {
    observe(req, res);
    res.setHeader('cache-control', 'no-store');
    res.setHeader('x-content-type-options', 'nosniff');
    res.setHeader('cross-origin-resource-policy', 'same-origin');
    app(req, res);
  };
}
