import { sha256Hex } from './bytes.js';
import { answerChallenge } from './challenge.js';
import { headerName } from './dedup.js';
import { DOUBLED } from './read.js';
import { SCHEMES } from './schemes.js';
import type { Answer, Key, SchemeName, Sign, Source, SourceSettings, Verify } from './source.js';

const OK: Answer = { status: 200, type: 'application/json', body: '{"status":"ok"}' };

/** Refuses a request in which a header occurs more than once. */
function each(names: readonly string[], verify: Verify): Verify {
  // a scheme looks at the headers of its signature itself
  if (names.length === 0) return verify;
  return (request) =>
    names.some((name) => Array.isArray(request.headers[name])) ? DOUBLED : verify(request);
}

/** Throws when a key is malformed; the reader of the sources file has checked that they are not. */
export function openSource(given: SourceSettings): Source {
  const { name, scheme: schemeName, keys, verifyToken } = given;
  const scheme = SCHEMES[schemeName];
  const toleranceSeconds = given.toleranceSeconds ?? scheme.toleranceSeconds?.(given);
  const settings = { ...given, toleranceSeconds };
  const ofScheme = scheme.keeps?.(settings) ?? [];
  const kept = [...new Set([...ofScheme, ...(settings.headers ?? []).map(headerName)])];
  const verifier = (some: readonly Key[]): Verify => each(ofScheme, scheme.verifier(settings, some));
  const live = keys.filter(({ retired }) => retired !== true);
  const secretOf = (keyId: string): string => live.find(({ id }) => id === keyId)?.secret ?? '';
  return {
    name,
    scheme: schemeName,
    keys: keys.map(({ id, retired = false }) => ({ id, retired })),
    headers: [...new Set([...scheme.headers(settings), ...kept])],
    kept,
    mapping: settings.mapping ?? scheme.preset,
    bytesMax: settings.bytesMax ?? scheme.bytesMax,
    rateLimit: settings.rateLimit,
    idIsSigned: scheme.idIsSigned(settings),
    answer: scheme.answer ?? OK,
    verify: verifier(live),
    verifyRetired: verifier(keys.filter(({ retired }) => retired === true)),
    verifyAt:
      settings.url === undefined
        ? undefined
        : (url, request) => scheme.verifier({ ...settings, url }, live)(request),
    url: settings.url,
    deliveryId(request) {
      const id = scheme.deliveryId?.(request, settings);
      return id === undefined || id === '' ? sha256Hex(request.body) : id;
    },
    handshake: (body, keyId) => scheme.handshake?.(body, secretOf(keyId)),
    challenge: verifyToken === undefined ? undefined : (url) => answerChallenge(url, verifyToken),
    signer() {
      const secret = live[0]?.secret ?? '';
      if (isPublicKey(schemeName, secret)) throw new Error('a public key signs nothing');
      return openSigner(settings, secret);
    },
  };
}

/**
 * Signs as the provider of a source does. `secret` is a private key where the provider has one. Throws when the secret is
 * none of this scheme.
 */
export function openSigner(settings: Omit<SourceSettings, 'keys'>, secret: string): Sign {
  return SCHEMES[settings.scheme].signer(settings, secret);
}

/** Whether somebody who has this key still cannot sign as the provider does. */
export const isPublicKey = (scheme: SchemeName, secret: string): boolean =>
  SCHEMES[scheme].isPublicKey?.(secret) === true;

/** The source of `/webhook` and `/webhook/batch`, where a body is one message or an array of them. */
export function builtInSource(current: string, previous: string | undefined): Source {
  const keys = [{ id: 'current', secret: current }];
  if (previous !== undefined) keys.push({ id: 'previous', secret: previous });
  return openSource({ name: 'lyftr', scheme: 'lyftr', keys });
}

/** Signs for the built-in source. Made once for many deliveries. */
export const builtInSigner = (secret: string): Sign => SCHEMES.lyftr.signer({}, secret);

/** The headers that carry the signature of one delivery to the built-in source. */
export function signBuiltIn(body: Buffer | string, secret: string): Record<string, string> {
  return builtInSigner(secret)({ body });
}
