import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { histogram } from '@lyftr/shared/metrics';

const LIVE = '/live';
const ROUTES: ReadonlySet<string> = new Set([
  '/',
  '/healthz',
  '/readyz',
  '/sign-in',
  '/sign-out',
  '/console.json',
  '/messages',
  '/stats',
  '/metrics',
  '/ledger',
  LIVE,
  '/openapi.json',
]);
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Label values are bounded: a route's pattern, never a path that a client made up. */
export function routeOf(target: string): string {
  const path = target.split('?', 1)[0] ?? '';
  const route = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  if (ROUTES.has(route)) return route;
  if (route.startsWith('/messages/')) return '/messages/{message_id}';
  for (const folder of ['/docs', '/console', '/queues', '/dead-letters']) {
    if (route === folder || route.startsWith(`${folder}/`)) return folder;
  }
  return 'other';
}

/** Times every request from its head to the end of its answer, in seconds. */
export function requestObserver(registry: Registry): (req: IncomingMessage, res: ServerResponse) => void {
  const duration = histogram(registry, 'http_request_duration_seconds');
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
