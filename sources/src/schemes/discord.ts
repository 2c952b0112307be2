/**
 * Discord's webhook events (not interactions): `x-signature-ed25519` is the signature of the time and the body in hex. A key
 * is 64 hex digits: the public one of the application, or to sign with, a private one.
 * https://docs.discord.com/developers/events/webhook-events
 */
import { decode, jsonObject } from '../read.js';
import {
  ED25519_KEY_BYTES,
  ED25519_SIGNATURE_BYTES,
  ed25519Key,
  publicKeyCheck,
  signEd25519,
} from '../public-key.js';
import { timed } from '../shapes/timed.js';
import type { Answer, Scheme } from '../source.js';

const NOTHING: Answer = { status: 204, body: '' };
const PING = 0;
const KEY_WORDS = 'must be 64 hex digits';

function keyBytes(secret: string): Buffer {
  const bytes = decode(secret, 'hex');
  if (bytes?.length !== ED25519_KEY_BYTES) throw new Error(KEY_WORDS);
  return bytes;
}

export const discord: Scheme = {
  ...timed({
    signature: 'x-signature-ed25519',
    time: 'x-signature-timestamp',
    encoding: 'hex',
    bytes: ED25519_SIGNATURE_BYTES,
    text: (seconds, body) => [body, seconds],
    check: (secret) => publicKeyCheck(ed25519Key(keyBytes(secret)), null),
    sign(secret) {
      const key = keyBytes(secret);
      return (text) => signEd25519(key, text);
    },
  }),
  isPublicKey: () => true,
  keyFault: (secret) => (decode(secret, 'hex')?.length === ED25519_KEY_BYTES ? undefined : KEY_WORDS),
  toleranceSeconds: () => 300,
  preset: 'raw',
  answer: NOTHING,
  idIsSigned: () => true,
  handshake: (body) => (jsonObject(body)?.['type'] === PING ? NOTHING : undefined),
};
