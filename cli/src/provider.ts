/** What `lyftr sources init` knows of a provider. */
import type { SourceEntry } from '@lyftr/sources/file-rules';

export interface Provider {
  /** The name that the provider has for itself. */
  title: string;
  /** The members of its source, without name and keys. `address` is the URL at which the provider reaches it. */
  members(address: string): Omit<SourceEntry, 'name' | 'keys'>;
  /** True when you choose the secret. Otherwise the provider shows it. */
  isSecretChosen: boolean;
  /** True when the provider asks for the address with a token that you choose. */
  hasVerifyToken?: boolean;
  /**
   * What to do at the provider, in order. `{address}`, `{secret}` and `{token}` stand for the address and the paths of the
   * secret and of the verify token.
   */
  steps: readonly string[];
}

/** The step in which Lyftr reads the new source. It is before the steps in which the provider calls the address. */
export const RELOAD = '{reload}';

/** Where one source of a provider is. */
export interface Place {
  name: string;
  address: string;
  /** Paths as they stand in the sources file. */
  secret: string;
  token: string;
}

/** The source as it stands in the sources file. */
export function sourceOf(provider: Provider, { name, address, secret, token }: Place): SourceEntry {
  const { scheme, ...members } = provider.members(address);
  return {
    name,
    scheme,
    keys: [{ id: 'main', file: secret }],
    ...(provider.hasVerifyToken === true ? { verify_token: { file: token } } : {}),
    ...members,
  };
}
