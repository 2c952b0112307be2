/** Lyftr's own scheme: `x-signature` is the HMAC-SHA256 of the raw body as 64 hex digits, in either case. */
import { timingSafeEqual } from 'node:crypto';
import { createMac } from '../hmac.js';
import { bytesOf, utf8 } from '../bytes.js';
import type { Scheme, Verified } from '../source.js';

export const SIGNATURE_HEADER = 'x-signature';

const HEX_SHA256 = /^[0-9a-f]{64}$/i;

export const lyftr: Scheme = {
  headers: () => [SIGNATURE_HEADER],
  preset: undefined,
  idIsSigned: () => true,

  /**
   * The shape is checked first: `Buffer.from(x, 'hex')` ends in silence at the first bad digit, and `timingSafeEqual`
   * throws on unequal lengths. Every key is always tried, so the time taken does not tell which one is in use. The
   * other schemes share their course (verify.ts); this one is as short as it can be.
   */
  verifier(_settings, keys) {
    const live = keys.map(({ id, secret }) => ({
      mac: createMac('sha256', utf8(secret)),
      verdict: { ok: { keyId: id } } satisfies Verified,
    }));
    return ({ headers, body }) => {
      const signature = headers[SIGNATURE_HEADER];
      if (signature === undefined) return { reason: 'missing' };
      if (typeof signature !== 'string') return { reason: 'doubled' };
      if (!HEX_SHA256.test(signature)) return { reason: 'malformed' };
      const given = Buffer.from(signature, 'hex');
      let verified: Verified | undefined;
      for (const { mac, verdict } of live) {
        if (timingSafeEqual(given, mac(body))) verified ??= verdict;
      }
      return verified ?? { reason: 'wrong' };
    };
  },

  signer(_settings, secret) {
    const mac = createMac('sha256', utf8(secret));
    return ({ body }) => ({ [SIGNATURE_HEADER]: mac(bytesOf(body)).toString('hex') });
  },
};
