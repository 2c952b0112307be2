/**
 * SendGrid: an ECDSA signature (P-256, SHA-256, DER) of the time and the body in base64. A key is SPKI in base64: the public
 * one that SendGrid shows; or to sign with, a private one, PKCS #8 in base64.
 * https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
 */
import { p256Key, publicKeyCheck, signP256 } from '../public-key.js';
import { decode } from '../read.js';
import { timed } from '../shapes/timed.js';
import type { Scheme } from '../source.js';

const HEADER = 'x-twilio-email-event-webhook';

function keyBytes(secret: string): Buffer {
  const bytes = decode(secret, 'base64');
  if (bytes === undefined) throw new Error('must be base64');
  return bytes;
}

export const sendgrid: Scheme = {
  ...timed({
    signature: `${HEADER}-signature`,
    time: `${HEADER}-timestamp`,
    encoding: 'base64',
    bytes: undefined,
    text: (seconds, body) => [body, seconds],
    check: (secret) => publicKeyCheck(p256Key(keyBytes(secret)), 'sha256'),
    sign(secret) {
      const key = keyBytes(secret);
      return (text) => signP256(key, text);
    },
  }),
  isPublicKey: () => true,
  keyFault(secret) {
    try {
      p256Key(keyBytes(secret));
      return undefined;
    } catch {
      return 'must be a public key on P-256: SPKI in base64';
    }
  },
  toleranceSeconds: () => 300,
  preset: 'raw',
  idIsSigned: () => true,
};
