/** The course of every scheme: read the headers, try every key, and look at the time. */
import { anyEqual, createMac, type Algorithm } from './hmac.js';
import { WRONG } from './read.js';
import type { Key, Refused, SignedRequest, Verified, Verify } from './source.js';

/** `before`, `body`, `after`: the texts are latin1, as headers are. */
export type SignedText = [body: Buffer, before?: string, after?: string];

/** What a request says of itself. */
export interface Claim {
  signatures: readonly Buffer[];
  /** What may have been signed; one of them has to be. */
  texts: readonly SignedText[];
  signedAtMs?: number;
}

/** Whether one of the signatures of a claim is by this key. */
export type Check<C extends Claim = Claim> = (claim: C) => boolean;

export interface Course<C extends Claim> {
  read: (request: SignedRequest) => C | Refused;
  check: (secret: string) => Check<C>;
  toleranceSeconds?: number | undefined;
}

/** Every key is always tried, so the time taken does not tell which one is in use. */
export function createVerifier<C extends Claim>(
  { read, check, toleranceSeconds }: Course<C>,
  keys: readonly Key[],
): Verify {
  const live = keys.map(({ id, secret }) => ({ id, isBy: check(secret) }));
  return (request) => {
    const claim = read(request);
    if ('reason' in claim) return claim;
    let keyId: string | undefined;
    for (const { id, isBy } of live) if (isBy(claim)) keyId ??= id;
    if (keyId === undefined) return WRONG;
    const { signedAtMs } = claim;
    if (signedAtMs === undefined) return { ok: { keyId } } satisfies Verified;
    const ageSeconds = Math.trunc((request.nowMs - signedAtMs) / 1_000);
    if (toleranceSeconds !== undefined && Math.abs(ageSeconds) > toleranceSeconds)
      return { reason: 'time', ageSeconds };
    return { ok: { keyId, signedAtMs } };
  };
}

export function hmacCheck(algorithm: Algorithm, key: Buffer): Check {
  const mac = createMac(algorithm, key);
  return ({ signatures, texts }) =>
    anyEqual(
      signatures,
      texts.map((text) => mac(...text)),
    );
}
