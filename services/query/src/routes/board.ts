/** `/queues`: bull-board over the one queue. It shows what waits, private texts included, and changes nothing unless asked to. */
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
/** A request makes a few round trips, each of which has its own end. */
const DEADLINE_MS = 5_000;
const RETRY_AFTER_SECONDS = 2;

/** bull-board writes styles into its page and has a `<base>`; scripts come from files like everybody's. */
const HEADERS = {
  ...PAGE_HEADERS,
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
    "font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'none'",
};

const AWAY = 'Redis does not answer, and the queue is there.';

/** `redis` must be ready: a Queue that is made before hangs for ever. */
function createRouter(redis: Redis, isReadOnly: boolean): RequestHandler {
  const queue = openWatchedQueue(redis);
  const server = new ExpressAdapter().setBasePath(BOARD);
  createBullBoard({
    queues: [new BullMQAdapter(queue, { readOnlyMode: isReadOnly })],
    serverAdapter: server,
    options: { uiConfig: { boardTitle: 'Lyftr queue', miscLinks: [{ text: 'Console', url: '/' }] } },
  });
  // its own would give the error's text; a body that cannot be read is the client's fault, and answered as everywhere
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
        'The queue is shown read-only: QUEUES_WRITABLE=1 changes that.',
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
