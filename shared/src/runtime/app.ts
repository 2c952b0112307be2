/** The Express part of every service: health, the reader's token, and errors as problems. */
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { bearerCheck, givesToken } from './auth.js';
import { createTriesLimit, TRIES_WINDOW_SECONDS } from './tries-limit.js';
import { PROBLEMS, ProblemError } from '../errors.js';
import { sendProblem } from './http.js';
import type { Logger } from './log.js';
import { requestIdOf } from './request-id.js';

/**
 * The state of each dependency: `ok`, `ok: ` with something that an operator should know, or what is wrong with it and
 * what would mend it.
 */
export type Readiness = Record<string, string>;

export interface AppOptions {
  /** Asked at every `/readyz`. */
  readiness(): Promise<Readiness> | Readiness;
}

export function createApp(options: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('case sensitive routing', true);
  app.set('query parser', 'simple');
  app.get('/healthz', (_req, res) => {
    res.set('cache-control', 'no-store').json({ status: 'ok' });
  });
  app.get('/readyz', async (_req, res) => {
    const dependencies = await options.readiness();
    const ready = Object.values(dependencies).every((state) => /^ok(: |$)/.test(state));
    res
      .status(ready ? 200 : 503)
      .set('cache-control', 'no-store')
      .json({ status: ready ? 'ready' : 'not ready', dependencies });
  });
  return app;
}

/**
 * Answers a request that is not let in: 401, or 429 when its address has given too many wrong tokens in the last minute.
 * A right token does not come here, so one client's wrong tokens never shut another out.
 */
export function createRefusal(): RequestHandler {
  const limit = createTriesLimit((_req, res) => {
    sendProblem(res, 'too-many-tries', { headers: { 'retry-after': String(TRIES_WINDOW_SECONDS) } });
  });
  return (req, res, next) => {
    const refuse = (): void => {
      sendProblem(res, 'bad-token', { headers: { 'www-authenticate': 'Bearer' } });
    };
    if (!givesToken(req.headers.authorization)) refuse();
    else void limit(req, res, (error?: unknown) => (error === undefined ? refuse() : next(error)));
  };
}

export function requireToken(token: string | undefined): RequestHandler {
  const allows = bearerCheck(token);
  const refuse = createRefusal();
  return (req, res, next) => {
    if (allows(req.headers.authorization)) next();
    else void refuse(req, res, next);
  };
}

const HOST_PORT = /^(.*?)(?::\d+)?$/;
const OWN_NAME = /^(?:(?:[\w-]+\.)*localhost|\d{1,3}(?:\.\d{1,3}){3}|\[[\da-f:.]+\])$/i;

/**
 * Without a token, whoever reaches this machine's loopback may read. A page of another site does when its name is
 * made to lead here (DNS rebinding), but then it asks for its own name: only `localhost` and addresses are answered.
 */
export function requireOwnName(): RequestHandler {
  return (req, _res, next) => {
    const name = HOST_PORT.exec(req.headers.host ?? '')?.[1] ?? '';
    // HTTP/1.0 need not name a host, and browsers do not speak it
    if (name === '' || OWN_NAME.test(name)) return next();
    throw new ProblemError('cross-site', 'Without API_TOKEN only localhost and addresses are answered.');
  };
}

/** Closes a route to every method but those it has. Goes behind them. */
export function onlyMethods(...methods: string[]): RequestHandler {
  const allow = methods.join(', ');
  return (_req, res) => {
    sendProblem(res, 'method-not-allowed', { headers: { allow } });
  };
}

/** Goes last: unknown paths, and whatever a handler threw. */
export function endApp(app: Express, log: Logger): void {
  app.use('/healthz', onlyMethods('GET', 'HEAD'));
  app.use('/readyz', onlyMethods('GET', 'HEAD'));
  app.use((_req, res) => {
    sendProblem(res, 'not-found');
  });
  const onError: ErrorRequestHandler = (error: unknown, req, res, _next) => {
    const isProblem = error instanceof ProblemError;
    // whoever asked has left, and what was done for them has ended
    if (res.destroyed && (isProblem || (error as Partial<Error>).name === 'AbortError')) return;
    const where = { requestId: requestIdOf(req), method: req.method, path: req.path };
    if (res.headersSent) {
      // who reads it sees by the cut that it is not whole
      log[isProblem ? 'warn' : 'error']({ err: error, ...where }, 'an answer was cut off');
      res.destroy();
      return;
    }
    if (isProblem) {
      const { code, message, errors, retryAfterSeconds } = error;
      const detail = message === PROBLEMS[code].title ? {} : { detail: message };
      const retry =
        retryAfterSeconds === undefined ? {} : { headers: { 'retry-after': String(retryAfterSeconds) } };
      sendProblem(res, code, { ...detail, ...(errors === undefined ? {} : { errors }), ...retry });
      return;
    }
    // body parsing and URL decoding throw errors of this shape
    const status = (error as { status?: unknown }).status;
    if (typeof status === 'number' && status >= 400 && status < 500) {
      sendProblem(res, 'bad-request');
      return;
    }
    log.error({ err: error, ...where }, 'a request failed');
    sendProblem(res, 'internal');
  };
  app.use(onError);
}
