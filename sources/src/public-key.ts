/** Signatures that are checked with a public key. */
import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import type { Check, SignedText } from './verify.js';

export const ED25519_KEY_BYTES = 32;
export const ED25519_SIGNATURE_BYTES = 64;
/** What stands in front of the 32 bytes of a private key in PKCS #8 (RFC 8410). */
const ED25519_PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

const join = ([body, before = '', after = '']: SignedText): Buffer =>
  Buffer.concat([Buffer.from(before, 'latin1'), body, Buffer.from(after, 'latin1')]);

/** `key` is the 32 bytes of a public key. Throws when it is none. */
export function ed25519Key(key: Buffer): KeyObject {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: key.toString('base64url') };
  return createPublicKey({ key: jwk, format: 'jwk' });
}

/** `key` is SPKI (DER) of a key on P-256. Throws when it is none. */
export function p256Key(key: Buffer): KeyObject {
  const found = createPublicKey({ key, format: 'der', type: 'spki' });
  if (found.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('not a key on P-256');
  return found;
}

export function publicKeyCheck(key: KeyObject, algorithm: 'sha256' | null): Check {
  return ({ signatures, texts }) => {
    let matches = false;
    for (const text of texts.map(join))
      for (const signature of signatures) if (verify(algorithm, text, key, signature)) matches = true;
    return matches;
  };
}

/** `seed` is the 32 bytes of a private key. */
export function signEd25519(seed: Buffer, text: SignedText): Buffer {
  const key = createPrivateKey({ key: Buffer.concat([ED25519_PKCS8, seed]), format: 'der', type: 'pkcs8' });
  return sign(null, join(text), key);
}

/** `key` is PKCS #8 (DER). */
export function signP256(key: Buffer, text: SignedText): Buffer {
  return sign('sha256', join(text), createPrivateKey({ key, format: 'der', type: 'pkcs8' }));
}
