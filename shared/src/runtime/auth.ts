import { createHash, timingSafeEqual } from 'node:crypto';

const digest = (value: string) => createHash('sha256').update(value).digest();

/** Whether a request gives a token, right or wrong. */
export const givesToken = (authorization: string | undefined): boolean =>
  /^Bearer\b/i.test(authorization ?? '');

/**
 * Checks `Authorization: Bearer <token>` (RFC 6750). Digests are compared, not tokens: they have equal lengths, so
 * the comparison takes the same time whatever was sent. Without a token everything is allowed.
 */
export function bearerCheck(token: string | undefined): (authorization: string | undefined) => boolean {
  if (token === undefined) return () => true;
  const expected = digest(token);
  return (authorization) => {
    const match = /^Bearer +(\S+)$/i.exec(authorization ?? '');
    return match?.[1] !== undefined && timingSafeEqual(digest(match[1]), expected);
  };
}
