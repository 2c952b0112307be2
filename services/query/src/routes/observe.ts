/** How long requests take, by route. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Express } from 'express';
import type { Registry } from 'prom-client';
import { histogram } from '@lyftr/shared/runtime/metrics';
import { BOARD } from './board.js';

const LIVE = '/live';
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** `/messages/:message_id` as OpenAPI writes it, and the paths that it stands for. */
function toLabel(pattern: string): [label: string, paths: RegExp] {
  const paths = pattern.replace(/[.+]/g, '\\$&').replace(/:\w+/g, '[^/]+');
  return [pattern.replace(/:(\w+)/g, '{$1}'), new RegExp(`^${paths}/?$`)];
}

/**
 * Which route a request is for, of those that the application has now. Label values are bounded: a route's pattern,
 * never a path that a client made up.
 */
export function routeLabels(app: Express): (target: string) => string {
  const patterns = app.router.stack.flatMap(({ route }) => route?.path ?? []);
  const labels = [...new Set(patterns)].map(toLabel);
  return (target) => {
    const path = target.split('?', 1)[0] ?? '';
    // mounted, with routes of its own
    if (path === BOARD || path.startsWith(`${BOARD}/`)) return BOARD;
    return labels.find(([, paths]) => paths.test(path))?.[0] ?? 'other';
  };
}

/** Times every request from its head to the end of its answer, in seconds. Made when `app` has all of its routes. */
export function requestObserver(
  registry: Registry,
  app: Express,
): (req: IncomingMessage, res: ServerResponse) => void {
  const duration = histogram(registry, 'http_request_duration_seconds');
  const routeOf = routeLabels(app);
  return (req, res) => {
    const startedMs = performance.now();
    const route = routeOf(req.url ?? '');
    // a stream lasts for as long as somebody watches: its duration says nothing
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
