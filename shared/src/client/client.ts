/** A running system as a command or the console speaks to it, and every failure as one line for a person. */
import { codeOfType, PROBLEMS, type FieldError, type ProblemCode } from '../errors.js';

const REQUEST_TIMEOUT_MS = 10_000;

export interface Signing {
  /**
   * Asked for at each delivery: the secret, and others that may be the valid one while it is being rotated. Throws when
   * there is none.
   */
  secrets: () => readonly string[];
  /** The headers that carry the signature of a body. */
  sign: (body: Buffer, secret: string) => Record<string, string>;
}

export interface ClientOptions {
  /** Where deliveries go, and reads. */
  origin: string;
  token: string | undefined;
  /** Undefined where nothing is delivered. */
  signing: Signing | undefined;
  /** What a person can do when nothing answers there. */
  hint: string;
  timeoutMs?: number;
}

/** Failures of a request that has not left: whoever was to get it has not. */
const NOT_SENT: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Nothing answers: a later try can succeed. */
export class UnreachableError extends Error {
  /** Whether the request may have been received, and may still be done. */
  readonly mayHaveArrived: boolean;

  constructor(url: string, hint: string, timeoutMs: number, cause: unknown) {
    const isTimeout = (cause as { name?: unknown }).name === 'TimeoutError';
    const within = isTimeout ? ` within ${timeoutMs / 1_000} s` : '';
    super(`nothing answers at ${new URL(url).origin}${within}: ${hint}`, { cause });
    this.name = 'UnreachableError';
    this.mayHaveArrived = !NOT_SENT.has((cause as { cause?: { code?: unknown } }).cause?.code);
  }
}

/** An answer that is no success. `message` is for a person, and holds the service's own words. */
export class AnswerError extends Error {
  readonly status: number;
  /** Undefined when the answer is no problem of Lyftr's. */
  readonly code: ProblemCode | undefined;
  /** The service's own words, what is wrong with which field among them; may be empty. */
  readonly words: string;
  /** `detail` and `errors` of the problem. */
  readonly detail: string;
  readonly errors: readonly FieldError[];
  /** As `Retry-After` says; undefined when it is not there. */
  readonly retryAfterSeconds: number | undefined;

  constructor(what: string, status: number, problem: Problem, retryAfterSeconds?: number) {
    const fields = problem.errors.map(({ path, message }) => `${path} ${message}`);
    const words = [problem.detail, ...fields].join(' ').trim();
    super(`${what} answers ${status}${words === '' ? '' : `: ${words}`}`);
    this.name = 'AnswerError';
    this.status = status;
    this.code = problem.code;
    this.words = words;
    this.detail = problem.detail;
    this.errors = problem.errors;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

interface Problem {
  code: ProblemCode | undefined;
  detail: string;
  errors: FieldError[];
}

/** Every method rejects with AnswerError, or with UnreachableError. */
export interface Client {
  readonly origin: string;
  /** Rejects with UnreachableError when nothing answers at the origin, whatever its state. */
  requireAnswer(): Promise<void>;
  /** The JSON of a GET on the origin. */
  get(path: string): Promise<unknown>;
  /** A GET on the origin, whatever its status says. `token` is sent. */
  fetch(path: string): Promise<Response>;
  /** The bytes of a GET on the origin as they come, however long that takes; an iteration throws when they break off. */
  stream(path: string): Promise<AsyncIterable<Uint8Array>>;
  /** A DELETE on the origin. Resolves with the JSON of the answer, if it has any. */
  remove(path: string): Promise<unknown>;
  /**
   * Signs exactly these bytes and posts them, with the next secret where one is refused. Resolves with the JSON of the
   * answer once all is acknowledged.
   */
  post(path: string, body: Buffer, contentType: string): Promise<unknown>;
  /** Posts messages, each of them a JSON text, under one signature. Resolves when all of them are acknowledged. */
  deliver(messages: readonly string[]): Promise<void>;
}

async function problemOf(response: Response): Promise<Problem> {
  if (response.status === 401 && response.headers.has('www-authenticate'))
    return { code: undefined, detail: 'API_TOKEN is missing, or not that of the service', errors: [] };
  try {
    const { type, detail = '', errors = [] } = (await response.json()) as Partial<Problem & { type: string }>;
    return { code: codeOfType(type), detail, errors };
  } catch {
    return { code: undefined, detail: '', errors: [] };
  }
}

async function demandSuccess(response: Response, method: string): Promise<Response> {
  if (response.ok) return response;
  const retryAfter = Number(response.headers.get('retry-after') ?? NaN);
  throw new AnswerError(
    `${method} ${new URL(response.url).pathname}`,
    response.status,
    await problemOf(response),
    Number.isFinite(retryAfter) ? retryAfter : undefined,
  );
}

export function createClient(options: ClientOptions): Client {
  const { origin, token, signing, hint, timeoutMs = REQUEST_TIMEOUT_MS } = options;
  const authorization: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` };

  /** The secret that was taken last. */
  let taken: string | undefined;

  async function reach(path: string, init: RequestInit = {}): Promise<Response> {
    const url = `${origin}${path}`;
    try {
      return await fetch(url, { signal: AbortSignal.timeout(timeoutMs), ...init });
    } catch (error) {
      throw new UnreachableError(url, hint, timeoutMs, error);
    }
  }

  async function post(path: string, body: Buffer, contentType: string): Promise<Response> {
    if (signing === undefined) throw new Error('this client signs nothing');
    const inOrder = signing.secrets().toSorted((a, b) => Number(b === taken) - Number(a === taken));
    for (const [i, secret] of inOrder.entries()) {
      const response = await reach(path, {
        method: 'POST',
        headers: { 'content-type': contentType, ...signing.sign(body, secret) },
        body: new Uint8Array(body),
      });
      const isRefused = response.status === PROBLEMS['bad-signature'].status;
      if (!isRefused) taken = secret;
      if (!isRefused || i === inOrder.length - 1) return response;
      await response.body?.cancel();
    }
    throw new Error('there is no secret to sign with');
  }

  const client: Client = {
    origin,
    async requireAnswer() {
      await reach('/healthz');
    },
    fetch: (path) => reach(path, { headers: authorization }),
    async get(path) {
      return (await demandSuccess(await client.fetch(path), 'GET')).json();
    },
    async stream(path) {
      // the wait for the first byte is bounded, the stream itself is not
      const abort = new AbortController();
      const late = new DOMException('no answer in time', 'TimeoutError');
      const timer = setTimeout(() => abort.abort(late), timeoutMs);
      try {
        const response = await reach(path, { headers: authorization, signal: abort.signal });
        const { body } = await demandSuccess(response, 'GET');
        if (body === null) throw new Error(`GET ${new URL(response.url).pathname} answers without a body`);
        return body;
      } finally {
        clearTimeout(timer);
      }
    },
    async remove(path) {
      const response = await reach(path, { method: 'DELETE', headers: authorization });
      const answer = await demandSuccess(response, 'DELETE');
      return answer.status === 204 ? undefined : answer.json();
    },
    async post(path, body, contentType) {
      return (await demandSuccess(await post(path, body, contentType), 'POST')).json();
    },
    async deliver(messages) {
      const isSingle = messages.length === 1;
      const body = Buffer.from(isSingle ? (messages[0] as string) : `[${messages.join(',')}]`);
      await client.post(isSingle ? '/webhook' : '/webhook/batch', body, 'application/json');
    },
  };
  return client;
}
