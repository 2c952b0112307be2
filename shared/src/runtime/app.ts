/** The Express app of every service: health routes, the check of the token, and errors as problems. */
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { bearerCheck, givesToken } from './auth.js';
import { createTriesLimit, TRIES_WINDOW_SECONDS } from './tries-limit.js';
import { PROBLEMS, ProblemError } from '../errors.js';
import { sendProblem } from './http.js';
import type { Logger } from './log.js';
import { requestIdOf } from './request-id.js';

/** The state of each dependency: `ok`, `ok: ` and a note for the operator, or the fault and how to correct it. */
export type Readiness = Record<string, string>;

export interface AppOptions {
  /** Called for every `/readyz`. */
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
 * Answers a request without a valid token: 401, or 429 when its address sent too many wrong tokens in the last
 * minute. A request with the right token never gets here, so the wrong tokens of one client do not lock out another.
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
 * While API_TOKEN is not set, every program on this machine may read. A page of another site could read too, if its
 * name resolves to this machine (DNS rebinding). Its requests then carry that name, so we answer only `localhost` and
 * IP addresses.
 */
export function requireOwnName(): RequestHandler {
  return (req, _res, next) => {
    const name = HOST_PORT.exec(req.headers.host ?? '')?.[1] ?? '';
    // HTTP/1.0 requests need no Host header, and browsers do not send HTTP/1.0
    if (name === '' || OWN_NAME.test(name)) return next();
    throw new ProblemError(
      'cross-site',
      'While API_TOKEN is not set, only requests to localhost or to an IP address are allowed.',
    );
  };
}

/** Answers 405 for every other method of a route. Register it after the handlers of the route. */
export function onlyMethods(...methods: string[]): RequestHandler {
  const allow = methods.join(', ');
  return (_req, res) => {
    sendProblem(res, 'method-not-allowed', { headers: { allow } });
  };
}

/** Answers unknown paths and the errors of handlers. Call it last. */
export function endApp(app: Express, log: Logger): void {
  app.use('/healthz', onlyMethods('GET', 'HEAD'));
  app.use('/readyz', onlyMethods('GET', 'HEAD'));
  app.use((_req, res) => {
    sendProblem(res, 'not-found');
  });
  const onError: ErrorRequestHandler = (error: unknown, req, res, _next) => {
    const isProblem = error instanceof ProblemError;
    // the client has disconnected, so there is nobody to answer
    if (res.destroyed && (isProblem || (error as Partial<Error>).name === 'AbortError')) return;
    const where = { requestId: requestIdOf(req), method: req.method, path: req.path };
    if (res.headersSent) {
      // the headers are sent; cutting the response off tells the client that it is incomplete
      log[isProblem ? 'warn' : 'error']({ err: error, ...where }, 'a response was cut off');
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
    // errors of body parsing and URL decoding have a status
    const status = (error as { status?: unknown }).status;
    if (typeof status === 'number' && status >= 400 && status < 500) {
      sendProblem(res, 'bad-request');
      return;
    }
    log.error({ err: error, ...where }, 'request failed');
    sendProblem(res, 'internal');
  };
  app.use(onError);
}
