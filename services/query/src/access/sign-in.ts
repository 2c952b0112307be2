/** `/sign-in` and `/sign-out`: a browser sends the token once and receives a session. */
import { readFileSync } from 'node:fs';
import { urlencoded, type Express, type Response } from 'express';
import { onlyMethods } from '@lyftr/shared/runtime/app';
import { createTriesLimit, TRIES_WINDOW_SECONDS } from '@lyftr/shared/runtime/tries-limit';
import { refuseOtherSites, SIGN_IN } from './access.js';
import { PAGE_HEADERS, PUBLIC } from '../routes/assets.js';
import { sessionCookie, type Sessions } from './session.js';

const FORM_BYTES_MAX = '8kb';

const PAGE = readFileSync(`${PUBLIC}/sign-in.html`, 'utf8');
const MESSAGE_PLACE = '<!-- message -->';

function sendPage(res: Response, status: number, message: string): void {
  const alert = message === '' ? '' : `<p class="alert" role="alert">${message}</p>`;
  res.status(status).set(PAGE_HEADERS).type('html').send(PAGE.replace(MESSAGE_PLACE, alert));
}

/**
 * Returns a path of this origin for any input, so that a link cannot send a person to another site after the sign-in.
 */
export function nextPath(next: unknown): string {
  const base = 'http://this.invalid';
  if (typeof next !== 'string' || !next.startsWith('/') || !URL.canParse(next, base)) return '/';
  const { origin, pathname, search } = new URL(next, base);
  // a browser reads `//name` as another host, and `/.//name` resolves to that
  const isHere = origin === base && !pathname.startsWith('//') && pathname !== SIGN_IN;
  return isHere ? `${pathname}${search}` : '/';
}

/** When no token is set, the page redirects at once. */
export function mountSignIn(app: Express, sessions: Sessions | undefined): void {
  const limit = createTriesLimit((_req, res) => {
    res.set('retry-after', String(TRIES_WINDOW_SECONDS));
    sendPage(res, 429, 'Too many wrong tokens. Wait a minute, then try again.');
  });
  const form = urlencoded({ extended: false, limit: FORM_BYTES_MAX, parameterLimit: 10 });

  app
    .route(SIGN_IN)
    .get((req, res) => {
      if (sessions === undefined) res.redirect(303, nextPath(req.query['next']));
      else sendPage(res, 200, '');
    })
    .post(refuseOtherSites(), limit, form, (req, res) => {
      const { token } = (req.body ?? {}) as { token?: unknown };
      const next = nextPath(req.query['next']);
      if (sessions !== undefined && !(typeof token === 'string' && sessions.isToken(token.trim()))) {
        sendPage(res, 401, 'This token is wrong. Enter the value of API_TOKEN.');
        return;
      }
      if (sessions !== undefined) res.append('set-cookie', sessionCookie(sessions.issue(), req.secure));
      res.redirect(303, next);
    })
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  app
    .route('/sign-out')
    .post(refuseOtherSites(), (req, res) => {
      res.append('set-cookie', sessionCookie(undefined, req.secure));
      res.redirect(303, sessions === undefined ? '/' : SIGN_IN);
    })
    .all(onlyMethods('POST'));
}
