/** Schemes that have a signature in one header and its time in another: Slack, Zoom, Discord, SendGrid. */
import { bytesOf, secondsText } from '../bytes.js';
import { MALFORMED, only, readTimeMs, signature, type Encoding } from '../read.js';
import type { Scheme } from '../source.js';
import { createVerifier, type Check, type SignedText } from '../verify.js';

export interface Timed {
  signature: string;
  time: string;
  prefix?: string;
  encoding: Encoding;
  /** Length of a signature; undefined where it has no fixed one. */
  bytes: number | undefined;
  text: (seconds: string, body: Buffer) => SignedText;
  check: (secret: string) => Check;
  /** Signs with `secret`, a private key where the provider has one. */
  sign: (secret: string) => (text: SignedText) => Buffer;
}

export function timed(shape: Timed): Pick<Scheme, 'headers' | 'verifier' | 'signer'> {
  const { prefix = '', encoding, bytes, text, check } = shape;
  return {
    headers: () => [shape.signature, shape.time],
    verifier: ({ toleranceSeconds }, keys) =>
      createVerifier(
        {
          read({ headers, body }) {
            const value = only(headers, shape.signature);
            if (typeof value !== 'string') return value;
            const seconds = only(headers, shape.time);
            if (typeof seconds !== 'string') return seconds;
            const signatures = signature(value, prefix, encoding, bytes);
            if ('reason' in signatures) return signatures;
            const signedAtMs = readTimeMs(seconds, 's');
            return signedAtMs === undefined
              ? MALFORMED
              : { signatures, texts: [text(seconds, body)], signedAtMs };
          },
          check,
          toleranceSeconds,
        },
        keys,
      ),
    signer(_settings, secret) {
      const sign = shape.sign(secret);
      return ({ body, nowMs = Date.now() }) => {
        const seconds = secondsText(nowMs);
        return {
          [shape.signature]: prefix + sign(text(seconds, bytesOf(body))).toString(encoding),
          [shape.time]: seconds,
        };
      };
    },
  };
}
