/** Schemes that have one header with one HMAC-SHA256: GitHub, Meta, Shopify, Linear, Square. */
import { bytesOf, utf8 } from '../bytes.js';
import { createMac, DIGEST_BYTES } from '../hmac.js';
import { MALFORMED, only, signature, type Encoding } from '../read.js';
import type { Headers, Refused, Scheme, SchemeSettings } from '../source.js';
import { createVerifier, hmacCheck, type SignedText } from '../verify.js';

export interface Plain {
  header: string;
  /** Where the header has several names. */
  read?: (headers: Headers) => string | Refused;
  prefix?: string;
  encoding: Encoding;
  /** What is signed, when it is not the body alone. `url` is path and query. */
  text?: (body: Buffer, settings: SchemeSettings, url: string) => SignedText;
  /** The time in a body that has to have one. */
  signedAtMs?: (body: Buffer) => number | undefined;
}

export function plain({
  header,
  read = (headers) => only(headers, header),
  prefix = '',
  encoding,
  text = (body) => [body],
  signedAtMs,
}: Plain): Pick<Scheme, 'verifier' | 'signer'> {
  return {
    verifier: (settings, keys) =>
      createVerifier(
        {
          read({ headers, body, url }) {
            const value = read(headers);
            if (typeof value !== 'string') return value;
            const signatures = signature(value, prefix, encoding, DIGEST_BYTES.sha256);
            if ('reason' in signatures) return signatures;
            const claim = { signatures, texts: [text(body, settings, url)] };
            if (signedAtMs === undefined) return claim;
            const timeMs = signedAtMs(body);
            return timeMs === undefined ? MALFORMED : { ...claim, signedAtMs: timeMs };
          },
          check: (secret) => hmacCheck('sha256', utf8(secret)),
          toleranceSeconds: settings.toleranceSeconds,
        },
        keys,
      ),
    signer(settings, secret) {
      const mac = createMac('sha256', utf8(secret));
      return ({ body, url = '' }) => ({
        [header]: prefix + mac(...text(bytesOf(body), settings, url)).toString(encoding),
      });
    },
  };
}
