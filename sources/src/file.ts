/** Reads the sources file: all of it, or every fault with its place. */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import { schemaFault, SourcesError, type Fault } from './faults.js';
import {
  nameFaults,
  schemeSettings,
  sourceFaults,
  type SecretEntry,
  type SourceEntry,
  type SourcesEntry,
} from './file-rules.js';
import { fileSchema, sourceSchema } from './file-schema.js';
import { expressionFault } from './mapping/jsonata.js';
import { SCHEMES } from './schemes.js';
import type { SourceSettings } from './source.js';

const RETIRE_AFTER_HOURS = 72;
/** No provider's key is longer, and a file that is may be anything. */
const SECRET_BYTES_MAX = 64 * 1024;
/** Names that nobody would take for a secret in a wrong place. */
const TELLING_NAME = /^[A-Z]+(?:_[A-Z0-9]+)*$/;

export interface SourcesFile {
  /** How long another key must have been used, and a key not, until it is safe to retire. */
  retireAfterHours: number;
  sources: SourceSettings[];
}

// oxlint-disable-next-line no-control-regex
const PLAIN = /^[^\x00-\x1f\x7f]*$/;

const ajv = new Ajv2020({ allErrors: true, strict: true });
const isFile = ajv.compile<SourcesEntry>(fileSchema);
const isSource = ajv.compile<SourceEntry>(sourceSchema);

/** The words of JSON.parse repeat a part of the text. Where they say a place, it is found again. */
function placeOf(error: unknown, text: string): string {
  const position = Number(/position (\d+)/.exec((error as Error).message)?.[1] ?? NaN);
  return Number.isNaN(position) ? '' : `, in line ${text.slice(0, position).split('\n').length}`;
}

const unreadable = (error: unknown): string =>
  `cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`;

function parse(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new SourcesError([{ pointer: '', what: unreadable(error) }]);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SourcesError([{ pointer: '', what: `is not JSON${placeOf(error, text)}` }]);
  }
}

/** Of what was checked last, in the order of the file, one for each place and reason. */
function schemaFaults({ errors }: { errors?: ErrorObject[] | null }, pointer: string): Fault[] {
  const all = errors ?? [];
  const choices = all.filter(({ keyword }) => keyword === 'oneOf').map(({ instancePath }) => instancePath);
  // what is wrong with each of several forms says less than that it is none of them
  const isInChoice = (path: string): boolean =>
    choices.some((choice) => path === choice || path.startsWith(`${choice}/`));
  const faults = all
    .filter(({ keyword, instancePath }) => keyword === 'oneOf' || !isInChoice(instancePath))
    .map(schemaFault);
  const isFirst = ({ pointer: at, what }: Fault, index: number): boolean =>
    faults.findIndex((other) => other.pointer === at && other.what === what) === index;
  return faults.filter(isFirst).map((fault) => ({ ...fault, pointer: pointer + fault.pointer }));
}

/** Reads what a file names. Faults are added to `faults`. */
class Reader {
  readonly faults: Fault[] = [];
  private readonly folder: string;
  private readonly env: NodeJS.ProcessEnv;

  constructor(folder: string, env: NodeJS.ProcessEnv) {
    this.folder = folder;
    this.env = env;
  }

  private fault(pointer: string, what: string): undefined {
    this.faults.push({ pointer, what });
  }

  private fromFile(file: string, pointer: string): string | undefined {
    try {
      const bytes = readFileSync(resolve(this.folder, file));
      if (bytes.length > SECRET_BYTES_MAX || !isUtf8(bytes)) return this.fault(pointer, 'holds no key');
      return bytes.toString('utf8').replace(/\r?\n$/, '');
    } catch (error) {
      return this.fault(pointer, unreadable(error));
    }
  }

  private fromEnv(name: string, pointer: string): string | undefined {
    const value = this.env[name];
    if (value !== undefined) return value;
    return this.fault(pointer, `${TELLING_NAME.test(name) ? name : 'this variable'} is not set`);
  }

  /** Undefined when there is a fault. */
  secret({ env, file }: SecretEntry, pointer: string): string | undefined {
    if ((env === undefined) === (file === undefined))
      return this.fault(pointer, 'must have either "env" or "file"');
    const at = `${pointer}/${env === undefined ? 'file' : 'env'}`;
    const value = env === undefined ? this.fromFile(file as string, at) : this.fromEnv(env, at);
    if (value === undefined) return undefined;
    if (value === '') return this.fault(at, 'is empty');
    if (!PLAIN.test(value) || value.trim() !== value)
      return this.fault(at, 'has white space around it, or a line break or another control character in it');
    return value;
  }

  private keys(source: SourceEntry, pointer: string): SourceSettings['keys'] {
    const scheme = SCHEMES[source.scheme];
    return source.keys.flatMap((key, index) => {
      const at = `${pointer}/keys/${index}`;
      const secret = this.secret(key, at);
      if (secret === undefined) return [];
      const what = scheme.keyFault?.(secret, schemeSettings(source));
      if (what !== undefined) this.fault(`${at}/${key.env === undefined ? 'file' : 'env'}`, what);
      return [{ id: key.id, secret, retired: key.retired ?? false }];
    });
  }

  /** Nothing when its shape is wrong. */
  source(entry: unknown, pointer: string): SourceSettings[] {
    if (!isSource(entry)) {
      this.faults.push(...schemaFaults(isSource, pointer));
      return [];
    }
    for (const { pointer: at, what } of sourceFaults(entry)) this.fault(pointer + at, what);
    const { verify_token: token, mapping } = entry;
    const fault = typeof mapping === 'object' ? expressionFault(mapping.jsonata) : undefined;
    if (fault !== undefined) this.fault(`${pointer}/mapping/jsonata`, `is not JSONata: ${fault}`);
    return [
      {
        ...schemeSettings(entry),
        name: entry.name,
        scheme: entry.scheme,
        keys: this.keys(entry, pointer),
        mapping,
        bytesMax: entry.max_body_bytes,
        rateLimit: entry.rate_limit,
        verifyToken: token === undefined ? undefined : this.secret(token, `${pointer}/verify_token`),
        headers: entry.headers,
      },
    ];
  }
}

function readEntries(path: string): SourcesEntry {
  const file = parse(path);
  if (!isFile(file)) throw new SourcesError(schemaFaults(isFile, ''));
  return file;
}

const namesOf = ({ sources }: SourcesEntry): unknown[] =>
  sources.map((entry) => (entry as { name?: unknown } | null)?.name);

/**
 * One source, whatever is wrong with the others. Undefined when the file has none of this name. Throws SourcesError with
 * every fault of this source.
 */
export function readSource(path: string, env: NodeJS.ProcessEnv, name: string): SourceSettings | undefined {
  const file = readEntries(path);
  const index = namesOf(file).indexOf(name);
  if (index === -1) return undefined;
  const reader = new Reader(dirname(path), env);
  const [source] = reader.source(file.sources[index], `/sources/${index}`);
  if (reader.faults.length > 0) throw new SourcesError(reader.faults);
  return source;
}

/** Throws SourcesError with every fault. */
export function readSourcesFile(path: string, env: NodeJS.ProcessEnv): SourcesFile {
  const file = readEntries(path);
  const reader = new Reader(dirname(path), env);
  const sources = file.sources.flatMap((entry, index) => reader.source(entry, `/sources/${index}`));
  const faults = [...reader.faults, ...nameFaults(namesOf(file))];
  if (faults.length > 0) throw new SourcesError(faults);
  return { retireAfterHours: file.retire_after_hours ?? RETIRE_AFTER_HOURS, sources };
}
