/** Signs deliveries as the provider of a source does. */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Option } from 'commander';
import type { SchemeName, Sign } from '@lyftr/sources/source';
import type { ClientConfig } from './config.js';
import { EXIT_USAGE, ExitError } from './exit.js';
import { readOneSource } from './sources-file.js';

export interface SourcesOption {
  /** The sources file. Default: `SOURCES_FILE`. */
  sources?: string;
}

export interface SignerOptions extends SourcesOption {
  /** File with the private key. Only for sources that have a public key. */
  privateKey?: string;
}

export interface SourceSigner {
  name: string;
  scheme: SchemeName;
  sign: Sign;
}

export const sourcesOption = (): Option =>
  new Option('--sources <file>', 'the sources file (default: SOURCES_FILE)');

export const privateKeyOption = (): Option =>
  new Option(
    '--private-key <file>',
    'key to sign with, as PEM or as the provider writes it, when the source has a public key',
  );

/** Throws ExitError when no sources file is given. */
export function sourcesFile(options: SourcesOption, config: ClientConfig): string {
  const file = options.sources ?? config.SOURCES_FILE;
  if (file === undefined)
    throw new ExitError(EXIT_USAGE, 'give the sources file with --sources, or set SOURCES_FILE');
  return file;
}

/** The text of a private key as the scheme writes it. Throws when a PEM file has another kind of key. */
function privateKeyText(scheme: SchemeName, text: string): string {
  if (!text.includes('-----BEGIN')) return text;
  const key = createPrivateKey(text);
  if (scheme === 'sendgrid') return key.export({ format: 'der', type: 'pkcs8' }).toString('base64');
  const seed = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url');
  return scheme === 'discord' ? seed.toString('hex') : `whsk_${seed.toString('base64')}`;
}

/**
 * Opens the signer of a source. It signs with the first key that is not retired. Throws SettingsError with the faults of this
 * source, ExitError for wrong usage, or an Error when there is no such source.
 */
export async function openSourceSigner(
  name: string,
  options: SignerOptions,
  config: ClientConfig,
): Promise<SourceSigner> {
  const { privateKey } = options;
  const settings = await readOneSource(sourcesFile(options, config), name);
  const { isPublicKey, openSigner } = await import('@lyftr/sources/open');
  const { scheme, keys } = settings;
  const secret = keys.find(({ retired }) => retired !== true)?.secret ?? '';
  const isPublic = isPublicKey(scheme, secret);
  if (!isPublic && privateKey !== undefined)
    throw new ExitError(EXIT_USAGE, `source ${name} has a secret, and --private-key is for public keys`);
  if (!isPublic) return { name, scheme, sign: openSigner(settings, secret) };
  if (privateKey === undefined)
    throw new ExitError(
      EXIT_USAGE,
      `source ${name} has a public key, which cannot sign: give the private key with --private-key`,
    );
  const text = readFileSync(privateKey, 'utf8').trim();
  try {
    const sign = openSigner(settings, privateKeyText(scheme, text));
    // some signers read the key only when they sign
    sign({ body: '' });
    return { name, scheme, sign };
  } catch (error) {
    throw new Error(`${privateKey} has no private key for ${scheme}`, { cause: error });
  }
}
