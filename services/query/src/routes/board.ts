/**
 * `/queues`: bull-board for the queue. It shows the waiting jobs, including private texts. It is read-only unless
 * QUEUES_WRITABLE is set.
 */
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { createBullBoard } from '@bull-board/api';
import { ExpressAdapter } from '@bull-board/express';
import type { RequestHandler, Response } from 'express';
import type { Redis } from 'ioredis';
import { openWatchedQueue } from '@lyftr/queue/open';
import { ProblemError } from '@lyftr/shared/errors';
import { sendProblem } from '@lyftr/shared/runtime/http';
import { isBrowser } from '../access/access.js';
import { page, PAGE_HEADERS } from './assets.js';

export const BOARD = '/queues';
/** Time limit of a request, which makes a few round trips to Redis. */
const DEADLINE_MS = 5_000;
const RETRY_AFTER_SECONDS = 2;

/** bull-board has inline styles and a `<base>` in its page. Its scripts are files. */
const HEADERS = {
  ...PAGE_HEADERS,
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
    "font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'none'",
};

const AWAY = 'Redis is not responding. It holds the queue.';

/** `redis` must be ready: a Queue that is created before that never works. */
function createRouter(redis: Redis, isReadOnly: boolean): RequestHandler {
  const queue = openWatchedQueue(redis);
  const server = new ExpressAdapter().setBasePath(BOARD);
  createBullBoard({
    queues: [new BullMQAdapter(queue, { readOnlyMode: isReadOnly })],
    serverAdapter: server,
    options: { uiConfig: { boardTitle: 'Lyftr queue', miscLinks: [{ text: 'Console', url: '/' }] } },
  });
  // bull-board's handler would send the text of the error; an unreadable body is a fault of the client
  server.setErrorHandler((error: Error & { status?: unknown }) => {
    if (typeof error.status === 'number' && error.status < 500) throw error;
    return { status: 500, body: { error: AWAY } };
  });
  const router = server.getRouter() as RequestHandler & { disable(setting: string): void };
  router.disable('x-powered-by');
  return router;
}

export function createBoard(redis: Redis, isWritable: boolean): RequestHandler {
  let router: RequestHandler | undefined;
  const awayPage = page('queues-away.html');

  const away: RequestHandler = (req, res, next) => {
    res.set('retry-after', String(RETRY_AFTER_SECONDS));
    if (isBrowser(req)) void awayPage(req, res.status(503), next);
    else
      sendProblem(res, 'not-ready', {
        detail: AWAY,
        headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
      });
  };

  const limit = (res: Response, whenLate: () => void): void => {
    const timer = setTimeout(() => {
      if (!res.headersSent) whenLate();
    }, DEADLINE_MS);
    res.once('close', () => clearTimeout(timer));
  };

  return (req, res, next) => {
    if (!isWritable && req.method !== 'GET' && req.method !== 'HEAD')
      throw new ProblemError(
        'method-not-allowed',
        'The queue is read-only. Set QUEUES_WRITABLE=1 to allow changes.',
      );
    if (redis.status !== 'ready') {
      void away(req, res, next);
      return;
    }
    router ??= createRouter(redis, !isWritable);
    limit(res, () => void away(req, res, next));
    res.set(HEADERS);
    void router(req, res, next);
  };
}
