/** Every error that a client can see. ARCHITECTURE.md has the same table, and a test compares the two. */

export interface ProblemKind {
  status: number;
  title: string;
  /** What the sender should do about it. */
  hint: string;
}

export const PROBLEMS = {
  'bad-request': {
    status: 400,
    title: 'Malformed HTTP request',
    hint: 'Correct the request. Sending it again unchanged does not help.',
  },
  'not-json': {
    status: 400,
    title: 'The body is not JSON',
    hint: 'Send JSON in UTF-8. Sending the same body again does not help.',
  },
  'bad-signature': {
    status: 401,
    title: 'The signature is missing or wrong',
    hint: 'Sign the raw body with HMAC-SHA256 and send the signature as hex in x-signature.',
  },
  'bad-token': {
    status: 401,
    title: 'The token is missing or wrong',
    hint: 'Send Authorization: Bearer <API_TOKEN>.',
  },
  'cross-site': {
    status: 403,
    title: 'The request comes from another site',
    hint: 'Use the console at its own address, or send Authorization: Bearer <API_TOKEN>.',
  },
  'not-found': { status: 404, title: 'Not found', hint: 'See /docs for the routes.' },
  'method-not-allowed': {
    status: 405,
    title: 'Method not allowed',
    hint: 'Use one of the methods in the Allow header.',
  },
  'request-timeout': { status: 408, title: 'The request did not arrive in time', hint: 'Send it again.' },
  'not-replayable': {
    status: 409,
    title: 'The dead letter cannot be replayed',
    hint: 'The detail gives the reason. No message was accepted.',
  },
  'not-written-off': {
    status: 409,
    title: 'The missing messages cannot be written off now',
    hint: 'The detail gives the reason. Nothing was changed.',
  },
  'body-too-large': { status: 413, title: 'The body is too large', hint: 'Send smaller bodies or batches.' },
  'unsupported-media-type': {
    status: 415,
    title: 'Unsupported content type',
    hint: 'Send application/json. A batch may also be application/x-ndjson.',
  },
  'invalid-message': {
    status: 422,
    title: 'The message does not match the schema',
    hint: 'Correct the members listed in errors.',
  },
  'invalid-query': {
    status: 422,
    title: 'A query parameter is invalid',
    hint: 'Correct the parameters listed in errors.',
  },
  'too-many-tries': {
    status: 429,
    title: 'Too many wrong tokens',
    hint: 'Try again after Retry-After seconds.',
  },
  'rate-limited': {
    status: 429,
    title: 'The source has sent too many deliveries',
    hint: 'Send it again after Retry-After seconds.',
  },
  'headers-too-large': {
    status: 431,
    title: 'The header fields are too large',
    hint: 'Send fewer or shorter header fields.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    hint: 'Send the request again. The log shows the cause.',
  },
  'queue-unavailable': {
    status: 503,
    title: 'The queue cannot take the message now',
    hint: 'Send it again after Retry-After seconds. It was not acknowledged.',
  },
  'upstream-unavailable': {
    status: 503,
    title: 'The query service is not responding',
    hint: 'Send it again later.',
  },
  'search-timeout': {
    status: 503,
    title: 'The search took too long',
    hint: 'Try again, or narrow the search with from_, to, since or until.',
  },
  'too-busy': {
    status: 503,
    title: 'Too many requests at once',
    hint: 'Send it again after Retry-After seconds.',
  },
  'not-ready': { status: 503, title: 'The service is not ready', hint: 'Send it again later.' },
  'not-confirmed': {
    status: 504,
    title: 'The change was not confirmed in time',
    hint: 'The change may still have been made. Check before you repeat it.',
  },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof PROBLEMS;

export interface FieldError {
  /** JSON pointer into the body, or the name of a query parameter. */
  path: string;
  message: string;
}

/** RFC 9457 problem details. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  errors?: FieldError[];
}

export const PROBLEM_TYPE = 'application/problem+json';

const TYPE_PREFIX = 'urn:lyftr:problem:';

/** Returns undefined for a `type` that this version does not know. */
export function codeOfType(type: unknown): ProblemCode | undefined {
  return (Object.keys(PROBLEMS) as ProblemCode[]).find((code) => type === `${TYPE_PREFIX}${code}`);
}

export function problem(code: ProblemCode, detail?: string, errors?: FieldError[]): Problem {
  const { status, title, hint } = PROBLEMS[code];
  const body: Problem = { type: `${TYPE_PREFIX}${code}`, title, status, detail: detail ?? hint };
  if (errors !== undefined) body.errors = errors;
  return body;
}

/** An error for the client. Any other thrown error is answered as `internal`, without its text. */
export class ProblemError extends Error {
  readonly code: ProblemCode;
  readonly errors: FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ProblemCode,
    detail?: string,
    options: { errors?: FieldError[]; retryAfterSeconds?: number } = {},
  ) {
    super(detail ?? PROBLEMS[code].title);
    this.name = 'ProblemError';
    this.code = code;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

const FIELD_ERRORS_MAX = 20;

interface AjvErrorLike {
  instancePath: string;
  keyword: string;
  message?: string;
  params: Record<string, unknown>;
}

/** Converts ajv's errors for the client: at most FIELD_ERRORS_MAX of them, and never the invalid values. */
export function fieldErrors(errors: readonly AjvErrorLike[] | null | undefined, prefix = ''): FieldError[] {
  return (errors ?? []).slice(0, FIELD_ERRORS_MAX).map((error) => {
    const missing = error.keyword === 'required' ? `/${String(error.params['missingProperty'])}` : '';
    if (missing !== '') return { path: `${prefix}${error.instancePath}${missing}`, message: 'is required' };
    if (error.keyword === 'pattern')
      return { path: `${prefix}${error.instancePath}`, message: 'must not contain NUL' };
    return { path: `${prefix}${error.instancePath}`, message: error.message ?? 'is invalid' };
  });
}
