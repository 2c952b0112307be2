/** Controls access: the token, the session of a browser, and the protection against pages of other sites. */
import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import { bearerCheck, givesToken } from '@lyftr/shared/runtime/auth';
import { createRefusal } from '@lyftr/shared/runtime/app';
import { ProblemError } from '@lyftr/shared/errors';
import { sessionValues, type Sessions } from './session.js';

type Access = 'bearer' | 'session' | 'anonymous';

/** How the request of each response was authorized. */
const accesses = new WeakMap<Response, Access>();

export const accessOf = (res: Response): Access | undefined => accesses.get(res);

/** The sign-in page. `next` is the page that the browser opens afterwards. */
export const SIGN_IN = '/sign-in';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

export function isBrowser(req: Request): boolean {
  return SAFE_METHODS.has(req.method) && (req.headers.accept ?? '').includes('text/html');
}

/**
 * A browser does not send a SameSite=Strict cookie when it follows a link from another site. It does send it when
 * this page then reloads itself.
 */
const AGAIN =
  '<!doctype html><html lang="en"><title>Lyftr</title><link rel="icon" href="data:,">' +
  '<meta http-equiv="refresh" content="0">';

/**
 * Accepts a bearer token (RFC 6750) or a session. Redirects a browser without either to the sign-in page. Answers any
 * other request 401, or 429 after too many wrong tokens. Accepts every request when `token` is undefined.
 */
export function requireReader(token: string | undefined, sessions: Sessions | undefined): RequestHandler {
  const allows = bearerCheck(token);
  const refuse = createRefusal();
  return (req, res, next) => {
    if (sessions === undefined) {
      accesses.set(res, 'anonymous');
      next();
    } else if (allows(req.headers.authorization)) {
      accesses.set(res, 'bearer');
      next();
    } else if (sessionValues(req.headers.cookie).some((value) => sessions.isValid(value))) {
      accesses.set(res, 'session');
      next();
    } else if (!isBrowser(req) || givesToken(req.headers.authorization)) void refuse(req, res, next);
    else if (req.headers['sec-fetch-site'] === 'cross-site') res.type('html').send(AGAIN);
    else res.redirect(303, `${SIGN_IN}?next=${encodeURIComponent(req.originalUrl)}`);
  };
}

const hostOf = (url: string): string | undefined => (URL.canParse(url) ? new URL(url).host : undefined);

/** Undefined when the request has no origin, as requests from programs do. */
export function isSameOrigin(req: IncomingMessage): boolean | undefined {
  const site = req.headers['sec-fetch-site'];
  // browsers set this header themselves for secure addresses, and no page can change it
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const { origin, host } = req.headers;
  return origin === undefined ? undefined : hostOf(origin) === host?.toLowerCase();
}

/**
 * Refuses changes that come from pages of other sites. A form there could send a request here just because the
 * browser runs on this machine. A request with a bearer token is safe, because no other page knows the token.
 */
export function refuseOtherSites(
  methods: 'unsafe methods' | 'every method' = 'unsafe methods',
): RequestHandler {
  return (req, res, next) => {
    if (methods === 'unsafe methods' && SAFE_METHODS.has(req.method)) return next();
    const access = accessOf(res);
    if (access === 'bearer') return next();
    const same = isSameOrigin(req);
    // a session cookie means a browser, and browsers send their origin
    if (same === true || (same === undefined && access !== 'session')) return next();
    throw new ProblemError('cross-site');
  };
}
