/** Who may read, and from where: the token, a browser's session, and what a page of another site must not reach. */
import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import { bearerCheck, givesToken } from '@lyftr/shared/runtime/auth';
import { createRefusal } from '@lyftr/shared/runtime/app';
import { ProblemError } from '@lyftr/shared/errors';
import { sessionValues, type Sessions } from './session.js';

type Access = 'bearer' | 'session' | 'anonymous';

/** How the request behind each answer was let in. */
const accesses = new WeakMap<Response, Access>();

export const accessOf = (res: Response): Access | undefined => accesses.get(res);

/** Where a person signs in; `next` is where the browser goes afterwards. */
export const SIGN_IN = '/sign-in';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

export function isBrowser(req: Request): boolean {
  return SAFE_METHODS.has(req.method) && (req.headers.accept ?? '').includes('text/html');
}

/**
 * A browser keeps a SameSite=Strict cookie back when a link on another site leads here; when this page then loads
 * itself again, it is sent.
 */
const AGAIN =
  '<!doctype html><html lang="en"><title>Lyftr</title><link rel="icon" href="data:,">' +
  '<meta http-equiv="refresh" content="0">';

/**
 * Lets in a bearer token (RFC 6750) or a session. A browser that has neither is sent to the sign-in page; every other
 * request gets 401, or 429 after too many wrong tokens. Without a token every request is let in.
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

/** `undefined` when the request names no origin, as one that no browser made. */
export function isSameOrigin(req: IncomingMessage): boolean | undefined {
  const site = req.headers['sec-fetch-site'];
  // browsers set it themselves where the address can be trusted, and no page can change it
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const { origin, host } = req.headers;
  return origin === undefined ? undefined : hostOf(origin) === host?.toLowerCase();
}

/**
 * Closes what changes something to pages of other sites: a form there could post here with nothing but the browser's
 * being on this machine. A bearer token needs no such check, for no other page has it.
 */
export function refuseOtherSites(
  methods: 'unsafe methods' | 'every method' = 'unsafe methods',
): RequestHandler {
  return (req, res, next) => {
    if (methods === 'unsafe methods' && SAFE_METHODS.has(req.method)) return next();
    const access = accessOf(res);
    if (access === 'bearer') return next();
    const same = isSameOrigin(req);
    // a cookie comes from a browser, and a browser says where it comes from
    if (same === true || (same === undefined && access !== 'session')) return next();
    throw new ProblemError('cross-site');
  };
}
