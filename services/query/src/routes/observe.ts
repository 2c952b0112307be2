/** Measures the duration of requests by route. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Express } from 'express';
import type { Registry } from 'prom-client';
import { histogram } from '@lyftr/shared/runtime/metrics';
import { BOARD } from './board.js';

const LIVE = '/live';
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** The OpenAPI form of a pattern such as `/messages/:message_id`, and a pattern for its paths. */
function toLabel(pattern: string): [label: string, paths: RegExp] {
  const paths = pattern.replace(/[.+]/g, '\\$&').replace(/:\w+/g, '[^/]+');
  return [pattern.replace(/:(\w+)/g, '{$1}'), new RegExp(`^${paths}/?$`)];
}

/**
 * Returns a function that finds the route of a request. Label values are the patterns of routes and never paths from
 * clients, so their number is limited.
 */
export function routeLabels(app: Express): (target: string) => string {
  const patterns = app.router.stack.flatMap(({ route }) => route?.path ?? []);
  const labels = [...new Set(patterns)].map(toLabel);
  return (target) => {
    const path = target.split('?', 1)[0] ?? '';
    // bull-board has its own routes
    if (path === BOARD || path.startsWith(`${BOARD}/`)) return BOARD;
    return labels.find(([, paths]) => paths.test(path))?.[0] ?? 'other';
  };
}

/**
 * Measures every request from its head to the end of the response, in seconds. Create it after all routes of `app`
 * are registered.
 */
export function requestObserver(
  registry: Registry,
  app: Express,
): (req: IncomingMessage, res: ServerResponse) => void {
  const duration = histogram(registry, 'http_request_duration_seconds');
  const routeOf = routeLabels(app);
  return (req, res) => {
    const startedMs = performance.now();
    const route = routeOf(req.url ?? '');
    // a stream lasts as long as its listener stays, so its duration means nothing
    if (route === LIVE) return;
    const method = METHODS.has(req.method ?? '') ? (req.method ?? '') : 'other';
    res.once('close', () => {
      duration.observe(
        { service: 'query', route, method, code: res.statusCode },
        (performance.now() - startedMs) / 1_000,
      );
    });
  };
}
