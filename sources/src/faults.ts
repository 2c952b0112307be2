/** What is wrong with the sources file, and where. No text of a secret is ever in it. */
import type { ErrorObject } from 'ajv';

export interface Fault {
  /** JSON pointer (RFC 6901); empty for the whole file. */
  pointer: string;
  what: string;
}

/** Every fault of a file. Nothing that a service could do makes it better: exit with 78 (EX_CONFIG). */
export class SourcesError extends Error {
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    super(faults.map(faultLine).join('\n'));
    this.name = 'SourcesError';
    this.faults = faults;
  }
}

/** `/sources/2/keys/0/env: STRIPE_SECRET is not set` */
export function faultText({ pointer, what }: Fault): string {
  return pointer === '' ? what : `${pointer}: ${what}`;
}

/** `sources: /sources/2/keys/0/env: STRIPE_SECRET is not set` */
export const faultLine = (fault: Fault): string => `sources: ${faultText(fault)}`;

/** A name that nobody would take for a secret. Any other unknown name may be one in a wrong place. */
const MEMBER = /^[a-z]+(?:_[a-z]+)*$/;
const MEMBER_CHARS_MAX = 24;

const WORDS: Record<string, string> = {
  name: '1 to 32 of a-z, 0-9 and -, with no - at an end',
  id: '1 to 32 of A-Z, a-z, 0-9, ., _ and -',
  env: 'the name of a variable: A-Z, 0-9 and _',
  header: 'the name of a header: 1 to 64 of A-Z, a-z, 0-9 and -',
  headers: 'the name of a header: 1 to 64 of A-Z, a-z, 0-9 and -',
  url: 'an address that begins with http:// or https://, in ASCII',
  prefix: 'printable ASCII',
  signed: 'printable ASCII',
  body: 'a JSON pointer, such as /id',
  mapping: 'the name of a preset, "raw", or {"jsonata": "…"}',
  dedup: '{"header": "…"} or {"body": "/json/pointer"}',
};

/** Ajv's own words, where they say what may stand there without what does. */
function wordsOf({ keyword, params, message, instancePath }: ErrorObject): string {
  const { allowedValues } = params as { allowedValues?: unknown[] };
  if (allowedValues !== undefined) return `must be one of ${allowedValues.join(', ')}`;
  if (keyword === 'not') return 'must not be batch: /webhook/batch is a route of its own';
  if (keyword !== 'pattern' && keyword !== 'oneOf') return message ?? 'is wrong';
  const member = instancePath.split('/').findLast((part) => !/^\d+$/.test(part)) ?? '';
  return `must be ${WORDS[member] ?? 'of another form'}`;
}

export function schemaFault(error: ErrorObject): Fault {
  const { keyword, params, instancePath } = error;
  if (keyword === 'required') {
    const { missingProperty } = params as { missingProperty: string };
    return { pointer: `${instancePath}/${missingProperty}`, what: 'is missing' };
  }
  if (keyword === 'additionalProperties') {
    const { additionalProperty: name } = params as { additionalProperty: string };
    if (MEMBER.test(name) && name.length <= MEMBER_CHARS_MAX)
      return { pointer: `${instancePath}/${name}`, what: unknownMember(instancePath, name) };
    return { pointer: instancePath, what: 'has a member that is unknown here' };
  }
  return { pointer: instancePath, what: wordsOf(error) };
}

function unknownMember(at: string, name: string): string {
  const isForSecret = /\/(?:keys\/\d+|verify_token)$/.test(at);
  return isForSecret
    ? 'is unknown: a secret is named by "env" or "file", and never stands in this file'
    : `is unknown${name === 'secret' || name === 'key' ? ': secrets are named in "keys"' : ''}`;
}
