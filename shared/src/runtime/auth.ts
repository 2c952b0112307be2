import { createHash, timingSafeEqual } from 'node:crypto';

const digest = (value: string) => createHash('sha256').update(value).digest();

/** Whether a request has a token, right or wrong. */
export const givesToken = (authorization: string | undefined): boolean =>
  /^Bearer\b/i.test(authorization ?? '');

/**
 * Checks `Authorization: Bearer <token>` (RFC 6750). Allows everything when `token` is undefined. Compares digests,
 * which have equal lengths, so the comparison takes the same time for every input.
 */
export function bearerCheck(token: string | undefined): (authorization: string | undefined) => boolean {
  if (token === undefined) return () => true;
  const expected = digest(token);
  return (authorization) => {
    const match = /^Bearer +(\S+)$/i.exec(authorization ?? '');
    return match?.[1] !== undefined && timingSafeEqual(digest(match[1]), expected);
  };
}
