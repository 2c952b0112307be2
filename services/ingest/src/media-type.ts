import { ProblemError } from '@lyftr/shared/errors';

/** By media type, in lower case and without parameters. */
export type Readers<T> = ReadonlyMap<string, (body: Buffer) => T>;

const CHARSET_UTF8 = /^charset="?utf-8"?$/;

/** Throws ProblemError `unsupported-media-type`. */
export function readerFor<T>(readers: Readers<T>, contentType = ''): (body: Buffer) => T {
  const exact = readers.get(contentType);
  if (exact !== undefined) return exact;
  const [mediaType = '', ...parameters] = contentType
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  const reader = readers.get(mediaType);
  const charset = parameters.find((parameter) => parameter.startsWith('charset='));
  if (reader === undefined || (charset !== undefined && !CHARSET_UTF8.test(charset))) {
    throw new ProblemError('unsupported-media-type');
  }
  return reader;
}
