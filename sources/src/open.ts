import { lyftr } from './schemes/lyftr.js';
import type { Key, Scheme, SchemeName, Sign, Source } from './source.js';

const SCHEMES = { lyftr } satisfies Record<SchemeName, Scheme>;

export interface SourceSettings {
  name: string;
  scheme: SchemeName;
  keys: readonly Key[];
}

export function openSource({ name, scheme, keys }: SourceSettings): Source {
  const { [scheme]: found } = SCHEMES;
  return { name, scheme, headers: found.headers, verify: found.verifier(keys) };
}

/** The source of `/webhook` and `/webhook/batch`, where a body is one message or an array of them. */
export function builtInSource(current: string, previous: string | undefined): Source {
  const keys = [{ id: 'current', secret: current }];
  if (previous !== undefined) keys.push({ id: 'previous', secret: previous });
  return openSource({ name: 'lyftr', scheme: 'lyftr', keys });
}

/** Signs for the built-in source. Made once for many deliveries. */
export const builtInSigner = (secret: string): Sign => SCHEMES.lyftr.signer(secret);

/** The headers that carry the signature of one delivery to the built-in source. */
export function signBuiltIn(body: Buffer | string, secret: string): Record<string, string> {
  return builtInSigner(secret)({ body });
}
