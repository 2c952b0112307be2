/** Reads query parameters with the schema that documents them. All invalid parameters are reported together. */
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import { ProblemError, type FieldError } from '@lyftr/shared/errors';
import { decodeCursor } from './cursor.js';
import { isoToSeconds } from './iso.js';

/** JSON Schema of an object with one member per parameter. */
export interface ParameterSchema {
  type: 'object';
  properties: Record<string, { type: 'integer' | 'string'; description: string; [keyword: string]: unknown }>;
  additionalProperties: false;
}

const FAULTS_MAX = 20;
const NAME_CHARS_MAX = 64;

const FORMATS: Record<string, { validate: (value: string) => boolean; message: string }> = {
  'iso-8601': {
    validate: (value) => isoToSeconds(value) !== undefined,
    message: 'must be an ISO 8601 date or time, such as 2024-03-09 or 2024-03-09T16:00:00Z',
  },
  cursor: {
    validate: (value) => value === '' || decodeCursor(value) !== undefined,
    message: 'must be the next_cursor of an earlier response, or empty for the first page',
  },
};

const ajv = new Ajv2020({ allErrors: true, useDefaults: true, strict: true });
for (const [name, { validate }] of Object.entries(FORMATS)) ajv.addFormat(name, { type: 'string', validate });

function toFieldError(error: ErrorObject): FieldError {
  const { keyword, params } = error;
  if (keyword === 'additionalProperties') {
    const name = String(params['additionalProperty']).slice(0, NAME_CHARS_MAX);
    return { path: name, message: 'is not a parameter of this route' };
  }
  const path = error.instancePath.slice(1);
  if (keyword === 'format') {
    return { path, message: FORMATS[String(params['format'])]?.message ?? 'is invalid' };
  }
  if (keyword === 'enum') {
    return { path, message: `must be one of ${(params['allowedValues'] as unknown[]).join(', ')}` };
  }
  if (keyword === 'pattern') return { path, message: 'must not contain NUL' };
  return { path, message: error.message ?? 'is invalid' };
}

/**
 * The parameters of a request target. Throws ProblemError `bad-request` for invalid UTF-8, which URLSearchParams
 * would replace by U+FFFD, so that the search would be for another text.
 */
function searchParameters(target: string): URLSearchParams {
  const start = target.indexOf('?');
  const search = start === -1 ? '' : target.slice(start + 1);
  try {
    decodeURIComponent(search);
  } catch {
    throw new ProblemError('bad-request', 'The query string is not percent-encoded UTF-8. Write % as %25.');
  }
  return new URLSearchParams(search);
}

/**
 * Creates the parameter reader of a route from its schema. `conflicts` checks rules that concern several parameters.
 * The reader takes a request target (path and query) and returns the values with defaults. It throws ProblemError:
 * `invalid-query` with one entry per invalid parameter, or `bad-request`.
 */
export function parameterReader<T extends object>(
  schema: ParameterSchema,
  conflicts: (values: Partial<T>) => FieldError[] = () => [],
): (target: string) => T {
  const validate = ajv.compile<T>(schema);
  return (target) => {
    const values = Object.create(null) as Record<string, unknown>;
    const repeated = new Set<string>();
    for (const [name, value] of searchParameters(target)) {
      if (Object.hasOwn(values, name)) repeated.add(name);
      const type = Object.hasOwn(schema.properties, name) ? schema.properties[name]?.type : undefined;
      // ajv would also accept " 5", "0x10" and "1e2" as integers
      values[name] = type === 'integer' && /^-?\d+$/.test(value) ? Number(value) : value;
    }
    const valid = validate(values);
    const errors = [
      ...(validate.errors ?? []).map(toFieldError),
      ...Array.from(repeated, (name) => ({
        path: name.slice(0, NAME_CHARS_MAX),
        message: 'must occur only once',
      })),
      ...conflicts(values as Partial<T>),
    ];
    if (!valid || errors.length > 0) {
      throw new ProblemError('invalid-query', undefined, { errors: errors.slice(0, FAULTS_MAX) });
    }
    return values;
  };
}
