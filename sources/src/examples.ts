/** Deliveries of our own making, in the shape in which providers send them: examples/PROVIDER/EVENT.json. */
import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = new URL('../src/examples/', import.meta.url);

export interface Example {
  contentType: string;
  /** Those that say what the delivery is, by name in lower case. None of them is a signature. */
  headers: Readonly<Record<string, string>>;
  body: Buffer;
}

/** A body that is JSON, or the fields of a form; a field that is an object is sent as JSON. */
interface Written {
  headers?: Record<string, string>;
  body?: unknown;
  form?: Record<string, unknown>;
}

const fieldText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

const namesIn = (folder: URL): string[] => readdirSync(folder).toSorted();

export const exampleProviders = (): string[] => namesIn(FOLDER);

/** Throws ENOENT for a provider that is not one of `exampleProviders`. */
export const exampleEvents = (provider: string): string[] =>
  namesIn(new URL(`${provider}/`, FOLDER)).map((name) => name.slice(0, -'.json'.length));

/** Throws ENOENT when there is no such example. */
export function readExample(provider: string, event: string): Example {
  const text = readFileSync(new URL(`${provider}/${event}.json`, FOLDER), 'utf8');
  const { headers = {}, body, form } = JSON.parse(text) as Written;
  if (form === undefined)
    return { contentType: 'application/json', headers, body: Buffer.from(JSON.stringify(body)) };
  const fields = Object.entries(form).map(([name, value]): [string, string] => [name, fieldText(value)]);
  return {
    contentType: 'application/x-www-form-urlencoded',
    headers,
    body: Buffer.from(new URLSearchParams(fields).toString()),
  };
}
