/**
 * Standard Webhooks, and Svix: `webhook-signature` has `v1,` with the HMAC-SHA256 of `id.time.body` in base64, or `v1a,` with
 * its Ed25519 signature, several with spaces between. A key is `whsec_` (HMAC), `whpk_` (public) or, to sign with, `whsk_`
 * (private) and base64. https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
import { randomUUID } from 'node:crypto';
import { bytesOf, secondsText } from '../bytes.js';
import { createMac, DIGEST_BYTES } from '../hmac.js';
import {
  ED25519_KEY_BYTES,
  ED25519_SIGNATURE_BYTES,
  ed25519Key,
  publicKeyCheck,
  signEd25519,
} from '../public-key.js';
import { decode, family, MALFORMED, readTimeMs, signatures, SIGNATURES_MAX } from '../read.js';
import type { Refused, Scheme, SignedRequest } from '../source.js';
import { createVerifier, hmacCheck, type Check, type Claim } from '../verify.js';

const PREFIXES = ['webhook-', 'svix-'] as const;
const NAMES = ['id', 'timestamp', 'signature'] as const;
/** A version and its signature. Versions that are not known here may stand beside. */
const ENTRY = /^v[0-9a-z]+,\S+$/;
const KEY = /^(whsec|whpk|whsk)_(.*)$/s;

interface StandardClaim extends Claim {
  /** The HMACs are `signatures`. */
  ed25519: readonly Buffer[];
}

function readKey(secret: string): { kind: 'whsec' | 'whpk' | 'whsk'; bytes: Buffer } {
  const [, kind, text = ''] = KEY.exec(secret) ?? [];
  const bytes = decode(text, 'base64');
  if (bytes === undefined) throw new Error('must be whsec_ or whpk_ and base64');
  return { kind: kind as 'whsec', bytes };
}

/** Signatures of one version in a list. */
function ofVersion(parts: readonly string[], version: string): string[] {
  return parts.filter((part) => part.startsWith(`${version},`)).map((part) => part.slice(version.length + 1));
}

function check(secret: string): Check<StandardClaim> {
  const { kind, bytes } = readKey(secret);
  if (kind === 'whsec') return hmacCheck('sha256', bytes);
  if (kind === 'whsk' || bytes.length !== ED25519_KEY_BYTES)
    throw new Error('must be whpk_ and the 32 bytes of a public key in base64');
  const isBy = publicKeyCheck(ed25519Key(bytes), null);
  return (claim) => isBy({ ...claim, signatures: claim.ed25519 });
}

function read({ headers, body }: SignedRequest): StandardClaim | Refused {
  const found = family(headers, PREFIXES, NAMES);
  if ('reason' in found) return found;
  const { id, timestamp } = found;
  const signedAtMs = readTimeMs(timestamp, 's');
  // with a full stop in it, a part of the id could be read as the time and the time as a part of the body
  if (signedAtMs === undefined || id === '' || id.includes('.')) return MALFORMED;
  const parts = found.signature.split(' ');
  if (parts.length > SIGNATURES_MAX || !parts.every((part) => ENTRY.test(part))) return MALFORMED;
  const hmacs = signatures(ofVersion(parts, 'v1'), 'base64', DIGEST_BYTES.sha256);
  if ('reason' in hmacs) return hmacs;
  const ed25519 = signatures(ofVersion(parts, 'v1a'), 'base64', ED25519_SIGNATURE_BYTES);
  if ('reason' in ed25519) return ed25519;
  if (hmacs.length + ed25519.length === 0) return MALFORMED;
  return { signatures: hmacs, ed25519, texts: [[body, `${id}.${timestamp}.`]], signedAtMs };
}

export const standardWebhooks: Scheme = {
  headers: () => PREFIXES.flatMap((prefix) => NAMES.map((name) => prefix + name)),
  keeps: () => PREFIXES.map((prefix) => `${prefix}id`),
  isPublicKey: (secret) => secret.startsWith('whpk_'),
  keyFault(secret) {
    try {
      check(secret);
      return undefined;
    } catch {
      return 'must be whsec_, or whpk_ of a public key, and base64';
    }
  },
  toleranceSeconds: () => 300,
  preset: 'raw',
  verifier: ({ toleranceSeconds }, keys) => createVerifier({ read, check, toleranceSeconds }, keys),
  signer(_settings, secret) {
    const { kind, bytes } = readKey(secret);
    if (kind === 'whpk') throw new Error('a public key signs nothing: give the private one, whsk_');
    const mac = createMac('sha256', bytes);
    return ({ body, nowMs = Date.now(), deliveryId = `msg_${randomUUID()}` }) => {
      const timestamp = secondsText(nowMs);
      const before = `${deliveryId}.${timestamp}.`;
      const signature =
        kind === 'whsec'
          ? `v1,${mac(bytesOf(body), before).toString('base64')}`
          : `v1a,${signEd25519(bytes.subarray(0, ED25519_KEY_BYTES), [bytesOf(body), before]).toString('base64')}`;
      return { 'webhook-id': deliveryId, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
    };
  },
  deliveryId({ headers }) {
    const id = PREFIXES.map((prefix) => headers[`${prefix}id`]).find((each) => each !== undefined);
    return id as string | undefined;
  },
  idIsSigned: () => true,
};
