/** An HTTP client for a running system. Each failure is an error with a one-line message for a person. */
import { codeOfType, PROBLEMS, type FieldError, type ProblemCode } from '../errors.js';
import type { SentDelivery } from '../sources.js';

const REQUEST_TIMEOUT_MS = 10_000;

export interface Signing {
  /**
   * Called for each delivery. Returns the secrets to try, in order: during a rotation the valid one may be the
   * previous one. Throws when there is none.
   */
  secrets: () => readonly string[];
  /** The headers that carry the signature of a body. */
  sign: (body: Buffer, secret: string) => Record<string, string>;
}

export interface ClientOptions {
  /** The origin for deliveries and reads. */
  origin: string;
  token: string | undefined;
  /** Undefined when nothing is delivered. */
  signing: Signing | undefined;
  /** What the person can do when there is no response. */
  hint: string;
  timeoutMs?: number;
}

/** Error codes of a request that was never sent. */
const NOT_SENT: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** There was no response. A retry may succeed. */
export class UnreachableError extends Error {
  /** Whether the service may have received the request, so that it may still act on it. */
  readonly mayHaveArrived: boolean;

  constructor(url: string, hint: string, timeoutMs: number, cause: unknown) {
    const isTimeout = (cause as { name?: unknown }).name === 'TimeoutError';
    const within = isTimeout ? ` within ${timeoutMs / 1_000} s` : '';
    super(`no response from ${new URL(url).origin}${within}: ${hint}`, { cause });
    this.name = 'UnreachableError';
    this.mayHaveArrived = !NOT_SENT.has((cause as { cause?: { code?: unknown } }).cause?.code);
  }
}

/** An unsuccessful response. `message` is for a person and includes the text of the service. */
export class AnswerError extends Error {
  readonly status: number;
  /** Undefined when the response is not one of Lyftr's problems. */
  readonly code: ProblemCode | undefined;
  /** The text of the service, with the invalid fields. May be empty. */
  readonly words: string;
  /** `detail` and `errors` of the problem. */
  readonly detail: string;
  readonly errors: readonly FieldError[];
  /** The `Retry-After` header, or undefined. */
  readonly retryAfterSeconds: number | undefined;

  constructor(what: string, status: number, problem: Problem, retryAfterSeconds?: number) {
    const fields = problem.errors.map(({ path, message }) => `${path} ${message}`);
    const words = [problem.detail, ...fields].join(' ').trim();
    super(`${what} returned ${status}${words === '' ? '' : `: ${words}`}`);
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

/** Every method rejects with AnswerError or UnreachableError. */
export interface Client {
  readonly origin: string;
  /** Rejects with UnreachableError when there is no response. A response with any status is enough. */
  requireAnswer(): Promise<void>;
  /** Sends a GET and resolves with its JSON. */
  get(path: string): Promise<unknown>;
  /** Sends a GET with `token` and resolves with the response, whatever its status. */
  fetch(path: string): Promise<Response>;
  /**
   * Sends a GET and resolves with its bytes as they arrive, without a time limit. The iteration throws when the
   * stream is cut off.
   */
  stream(path: string): Promise<AsyncIterable<Uint8Array>>;
  /** Sends a DELETE and resolves with the JSON of the response, or undefined when it has none. */
  remove(path: string): Promise<unknown>;
  /**
   * Signs exactly these bytes and posts them. Tries the next secret when one is refused. Resolves with the JSON of
   * the response when every message is acknowledged.
   */
  post(path: string, body: Buffer, contentType: string): Promise<unknown>;
  /** Posts these bytes with these headers and adds no signature. Resolves with a successful response, of any form. */
  postAs(path: string, body: Buffer, headers: Record<string, string>): Promise<Response>;
  /** Posts messages, each a JSON text, under one signature. Resolves when all of them are acknowledged. */
  deliver(messages: readonly string[]): Promise<void>;
  /** Posts a delivery of a source that was verified before. Resolves when it is acknowledged. */
  redeliver(delivery: SentDelivery): Promise<void>;
}

async function problemOf(response: Response): Promise<Problem> {
  if (response.status === 401 && response.headers.has('www-authenticate'))
    return {
      code: undefined,
      detail: 'API_TOKEN is missing or does not match the token of the service',
      errors: [],
    };
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

  /** The secret that was accepted last. */
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
    throw new Error('no secret is available to sign the request');
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
      // only the wait for the first byte has a time limit
      const abort = new AbortController();
      const late = new DOMException('the response did not start in time', 'TimeoutError');
      const timer = setTimeout(() => abort.abort(late), timeoutMs);
      try {
        const response = await reach(path, { headers: authorization, signal: abort.signal });
        const { body } = await demandSuccess(response, 'GET');
        if (body === null) throw new Error(`GET ${new URL(response.url).pathname} returned no body`);
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
    async postAs(path, body, headers) {
      const init = { method: 'POST', headers, body: new Uint8Array(body) };
      return demandSuccess(await reach(path, init), 'POST');
    },
    async deliver(messages) {
      const isSingle = messages.length === 1;
      const body = Buffer.from(isSingle ? (messages[0] as string) : `[${messages.join(',')}]`);
      await client.post(isSingle ? '/webhook' : '/webhook/batch', body, 'application/json');
    },
    async redeliver(delivery) {
      await client.post('/deliveries', Buffer.from(JSON.stringify(delivery)), 'application/json');
    },
  };
  return client;
}
