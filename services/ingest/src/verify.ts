import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';

const HEX_SHA256 = /^[0-9a-f]{64}$/i;

/**
 * Checks `x-signature`: the HMAC-SHA256 of the raw body as 64 hex digits, in either case.
 *
 * The shape is checked first: `Buffer.from(x, 'hex')` ends in silence at the first bad digit, and `timingSafeEqual`
 * throws on unequal lengths. Two headers arrive joined by a comma and fail the shape. Every secret is always tried,
 * so the time taken does not tell which one is in use.
 */
export function createVerifier(
  secrets: readonly string[],
): (signature: string | undefined, body: Buffer) => boolean {
  const keys = secrets.map((secret) => createSecretKey(Buffer.from(secret, 'utf8')));
  return (signature, body) => {
    if (signature === undefined || !HEX_SHA256.test(signature)) return false;
    const given = Buffer.from(signature, 'hex');
    let matches = false;
    for (const key of keys) {
      const expected = createHmac('sha256', key).update(body).digest();
      if (timingSafeEqual(given, expected)) matches = true;
    }
    return matches;
  };
}
