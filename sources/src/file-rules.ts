/** What one member of the sources file demands of another. */
import { headerName } from './dedup.js';
import type { Fault } from './faults.js';
import { SCHEMES } from './schemes.js';
import { fieldsOf } from './schemes/generic.js';
import type { GenericSignature, Mapping, RateLimit, SchemeName, SchemeSettings } from './source.js';

export interface SecretEntry {
  env?: string;
  file?: string;
}

export interface KeyEntry extends SecretEntry {
  id: string;
  retired?: boolean;
}

/** A source as the file has it. */
export interface SourceEntry {
  name: string;
  scheme: SchemeName;
  keys: KeyEntry[];
  url?: string;
  mapping?: Mapping;
  tolerance_seconds?: number;
  max_body_bytes?: number;
  rate_limit?: RateLimit;
  verify_token?: SecretEntry;
  dedup?: { header: string } | { body: string };
  signature?: GenericSignature;
  token?: { header: string };
  headers?: string[];
}

/** The whole file. Each source is checked on its own, so that a fault in one hides none in another. */
export interface SourcesEntry {
  retire_after_hours?: number;
  sources: unknown[];
}

/** Members of a source, by the schemes that have them. Those that every scheme has are not here. */
const ONLY_FOR: Partial<Record<keyof SourceEntry, readonly SchemeName[]>> = {
  verify_token: ['meta'],
  dedup: ['generic', 'token'],
  signature: ['generic'],
  token: ['token'],
};
const REQUIRED: Partial<Record<SchemeName, 'signature' | 'token'>> = { generic: 'signature', token: 'token' };
const NEVER_KEPT = ['authorization', 'cookie'];
const FIELDS = ['{body}', '{timestamp}', '{url}', '{method}'];

export const schemeSettings = (entry: SourceEntry): SchemeSettings => ({
  url: entry.url,
  toleranceSeconds: entry.tolerance_seconds,
  signature: entry.signature,
  token: entry.token,
  dedup: entry.dedup,
});

function repeated<T>(items: readonly T[], nameOf: (item: T) => unknown): number[] {
  const names = items.map(nameOf);
  return names.flatMap((name, index) => (names.indexOf(name) < index ? [index] : []));
}

function signatureFaults(entry: SourceEntry): Fault[] {
  const { signature } = entry;
  if (signature === undefined) return [];
  const fields = fieldsOf(signature);
  const times = (field: string): number => fields.filter((each) => each === field).length;
  const faults: Fault[] = [];
  const add = (member: string, what: string): void =>
    void faults.push({ pointer: `/signature/${member}`, what });
  if (times('{body}') !== 1) add('signed', 'must have {body} once');
  if (fields.some((field) => !FIELDS.includes(field)))
    add('signed', 'may have {body}, {timestamp}, {url} and {method}, and nothing else in braces');
  if (times('{timestamp}') > 0 && signature.timestamp === undefined)
    add('signed', 'has {timestamp}, and there is no "timestamp"');
  if (times('{timestamp}') === 0 && signature.timestamp !== undefined)
    add('timestamp', 'must be part of what is signed: "signed" has no {timestamp}');
  if (
    signature.timestamp !== undefined &&
    headerName(signature.timestamp.header) === headerName(signature.header)
  )
    add('timestamp/header', 'must not be the header of the signature');
  return faults;
}

function headerFaults(entry: SourceEntry): Fault[] {
  const { headers = [] } = entry;
  const read = SCHEMES[entry.scheme].headers(schemeSettings(entry));
  const secret = headers.flatMap((name, index) => {
    const isForbidden = [...NEVER_KEPT, ...read].includes(headerName(name));
    return isForbidden
      ? [{ pointer: `/headers/${index}`, what: 'must not be kept: it carries a signature or a secret' }]
      : [];
  });
  const again = repeated(headers, headerName).map((index) => ({
    pointer: `/headers/${index}`,
    what: 'stands twice',
  }));
  return [...secret, ...again];
}

function urlFaults({ url, ...entry }: SourceEntry, signsUrl: boolean): Fault[] {
  if (url === undefined)
    return signsUrl ? [{ pointer: '/url', what: `is missing: ${entry.scheme} signs the address` }] : [];
  if (!signsUrl)
    return [{ pointer: '/url', what: `is not used: ${entry.scheme} does not sign the address here` }];
  const { username = '', password = '' } = URL.canParse(url) ? new URL(url) : {};
  if (!URL.canParse(url)) return [{ pointer: '/url', what: 'must be an address' }];
  return username + password === ''
    ? []
    : [{ pointer: '/url', what: 'must not have a user or a password: a secret has no place in this file' }];
}

/** What depends on how a source is signed. */
function settingsFaults(entry: SourceEntry): Fault[] {
  const scheme = SCHEMES[entry.scheme];
  const settings = schemeSettings(entry);
  const faults = [...signatureFaults(entry), ...headerFaults(entry)];
  faults.push(...urlFaults(entry, scheme.signsUrl?.(settings) ?? false));
  if (entry.tolerance_seconds !== undefined && scheme.toleranceSeconds?.(settings) === undefined)
    faults.push({ pointer: '/tolerance_seconds', what: `is not used: ${entry.scheme} signs no time here` });
  return faults;
}

/** Pointers are those inside the source. */
export function sourceFaults(entry: SourceEntry): Fault[] {
  const { scheme } = entry;
  const faults: Fault[] = [];
  for (const [member, schemes] of Object.entries(ONLY_FOR)) {
    if (entry[member as keyof SourceEntry] !== undefined && !schemes.includes(scheme))
      faults.push({ pointer: `/${member}`, what: `is for ${schemes.join(' and ')} only` });
  }
  const needed = REQUIRED[scheme];
  if (needed !== undefined && entry[needed] === undefined)
    faults.push({ pointer: `/${needed}`, what: `is missing: ${scheme} needs it` });
  else faults.push(...settingsFaults(entry));
  for (const index of repeated(entry.keys, ({ id }) => id))
    faults.push({ pointer: `/keys/${index}/id`, what: 'is the id of another key' });
  if (entry.keys.every(({ retired }) => retired === true))
    faults.push({ pointer: '/keys', what: 'must have one key that is not retired' });
  return faults;
}

/** What has no name has another fault. */
export function nameFaults(names: readonly unknown[]): Fault[] {
  return repeated(names, (name) => name)
    .filter((index) => typeof names[index] === 'string')
    .map((index) => ({
      pointer: `/sources/${index}/name`,
      what: 'is the name of another source',
    }));
}
