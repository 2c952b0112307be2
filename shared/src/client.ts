/** A running system as a command or the console speaks to it: origin, writer, and every failure as one line for a person. */
import { createHmac } from 'node:crypto';
import type { FieldError } from './errors.js';

const REQUEST_TIMEOUT_MS = 10_000;

export interface ClientOptions {
  /** Where deliveries go, and reads. */
  origin: string;
  /** The writer's own. */
  writer: string;
  token: string | undefined;
  /** Asked for at each delivery. Throws when there is none. */
  secret: () => string;
  /** What a person can do when nothing answers there. */
  hints: { origin: string; writer: string };
}

/** Nothing answers: a later try can succeed. */
export class UnreachableError extends Error {
  constructor(url: string, hint: string, cause: unknown) {
    const isTimeout = (cause as { name?: unknown }).name === 'TimeoutError';
    const within = isTimeout ? ` within ${REQUEST_TIMEOUT_MS / 1_000} s` : '';
    super(`nothing answers at ${new URL(url).origin}${within}: ${hint}`, { cause });
    this.name = 'UnreachableError';
  }
}

/** An answer that is no success. `message` is for a person, and holds the service's own words. */
export class AnswerError extends Error {
  readonly status: number;
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
    this.words = words;
    this.detail = problem.detail;
    this.errors = problem.errors;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

interface Problem {
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
  getText(path: string): Promise<string>;
  /** A GET on the origin, whatever its status says. `token` is sent. */
  fetch(path: string): Promise<Response>;
  /** The same at the writer. */
  fetchAtWriter(path: string): Promise<Response>;
  /** The bytes of a GET on the origin as they come, however long that takes; an iteration throws when they break off. */
  stream(path: string): Promise<AsyncIterable<Uint8Array>>;
  /** A DELETE at the writer, which alone changes the database. Resolves with the JSON of the answer, if it has any. */
  removeAtWriter(path: string): Promise<unknown>;
  /** Signs exactly these bytes and posts them. Resolves with the JSON of the answer once all is acknowledged. */
  post(path: string, body: Buffer, contentType: string): Promise<unknown>;
  /** Posts messages, each of them a JSON text, under one signature. Resolves when all of them are acknowledged. */
  deliver(messages: readonly string[]): Promise<void>;
}

/** `x-signature` of these bytes, in hex. */
export function signatureOf(body: Buffer | string, secret: string): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

async function problemOf(response: Response): Promise<Problem> {
  if (response.status === 401 && response.headers.has('www-authenticate'))
    return { detail: 'API_TOKEN is missing, or not that of the service', errors: [] };
  try {
    const { detail = '', errors = [] } = (await response.json()) as Partial<Problem>;
    return { detail, errors };
  } catch {
    return { detail: '', errors: [] };
  }
}

async function reach(url: string, hint: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    throw new UnreachableError(url, hint, error);
  }
}

const within = (ms: number) => ({ signal: AbortSignal.timeout(ms) });

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

export function createClient({ origin, writer, token, secret, hints }: ClientOptions): Client {
  const authorization: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` };

  function post(path: string, body: Buffer, contentType: string): Promise<Response> {
    const signature = signatureOf(body, secret());
    return reach(`${origin}${path}`, hints.origin, {
      ...within(REQUEST_TIMEOUT_MS),
      method: 'POST',
      headers: { 'content-type': contentType, 'x-signature': signature },
      body: new Uint8Array(body),
    });
  }

  const client: Client = {
    origin,
    async requireAnswer() {
      await reach(`${origin}/healthz`, hints.origin, within(REQUEST_TIMEOUT_MS));
    },
    fetch: (path) =>
      reach(`${origin}${path}`, hints.origin, { ...within(REQUEST_TIMEOUT_MS), headers: authorization }),
    fetchAtWriter: (path) =>
      reach(`${writer}${path}`, hints.writer, { ...within(REQUEST_TIMEOUT_MS), headers: authorization }),
    async get(path) {
      return (await demandSuccess(await client.fetch(path), 'GET')).json();
    },
    async getText(path) {
      return (await demandSuccess(await client.fetch(path), 'GET')).text();
    },
    async stream(path) {
      // the wait for the first byte is bounded, the stream itself is not
      const abort = new AbortController();
      const late = new DOMException('no answer in time', 'TimeoutError');
      const timer = setTimeout(() => abort.abort(late), REQUEST_TIMEOUT_MS);
      try {
        const init = { headers: authorization, signal: abort.signal };
        const response = await reach(`${origin}${path}`, hints.origin, init);
        const { body } = await demandSuccess(response, 'GET');
        if (body === null) throw new Error(`GET ${new URL(response.url).pathname} answers without a body`);
        return body;
      } finally {
        clearTimeout(timer);
      }
    },
    async removeAtWriter(path) {
      const init = { ...within(REQUEST_TIMEOUT_MS), method: 'DELETE', headers: authorization };
      const answer = await demandSuccess(await reach(`${writer}${path}`, hints.writer, init), 'DELETE');
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
