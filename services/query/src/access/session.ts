/**
 * The session of a browser: an expiry time and its HMAC, keyed with the token. The service stores nothing, so every
 * replica of query accepts the session, and a new API_TOKEN ends all sessions.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export const SESSION_COOKIE = 'lyftr_session';
export const SESSION_SECONDS = 12 * 60 * 60;

const SHAPE = /^v1\.(\d{10})\.([\w-]{43})$/;

export interface Sessions {
  /** Returns the value of a new cookie. */
  issue(nowMs?: number): string;
  isValid(value: string, nowMs?: number): boolean;
  /** Whether `candidate` is the token. Compares in constant time. */
  isToken(candidate: string): boolean;
}

const digest = (value: string) => createHash('sha256').update(value).digest();

export function createSessions(token: string): Sessions {
  const expected = digest(token);
  const seal = (expirySeconds: string) =>
    createHmac('sha256', token).update(`lyftr session v1 ${expirySeconds}`).digest();
  return {
    issue(nowMs = Date.now()) {
      const expirySeconds = String(Math.floor(nowMs / 1_000) + SESSION_SECONDS);
      return `v1.${expirySeconds}.${seal(expirySeconds).toString('base64url')}`;
    },
    isValid(value, nowMs = Date.now()) {
      const match = SHAPE.exec(value);
      if (match === null) return false;
      const [, expirySeconds, sealed] = match as unknown as [string, string, string];
      // 43 characters of base64url are 32 bytes, the size of the HMAC
      const isSealed = timingSafeEqual(Buffer.from(sealed, 'base64url'), seal(expirySeconds));
      return isSealed && Number(expirySeconds) * 1_000 > nowMs;
    },
    isToken: (candidate) => timingSafeEqual(digest(candidate), expected),
  };
}

/** The values of the session cookie in a Cookie header. A browser may send two cookies of the same name. */
export function sessionValues(cookie: string | undefined): string[] {
  return (cookie ?? '').split(';').flatMap((pair) => {
    const [name, value] = pair.trim().split('=', 2);
    return name === SESSION_COOKIE && value !== undefined ? [value] : [];
  });
}

/** A Set-Cookie header; without a value it ends the session in this browser. */
export function sessionCookie(value: string | undefined, isSecure: boolean): string {
  const age = value === undefined ? 0 : SESSION_SECONDS;
  const secure = isSecure ? '; Secure' : '';
  return `${SESSION_COOKIE}=${value ?? ''}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Strict${secure}`;
}
