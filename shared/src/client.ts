/** A running system as a command or the console speaks to it: origin, writer, and every failure as one line for a person. */
import { createHmac } from 'node:crypto';
import type { Message } from './message.js';

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

/** An answer that is no success. `message` is for a person, and holds the service's own words. */
export class AnswerError extends Error {
  readonly status: number;
  /** The service's own words alone; may be empty. */
  readonly detail: string;

  constructor(what: string, status: number, detail: string) {
    super(`${what} answers ${status}${detail === '' ? '' : `: ${detail}`}`);
    this.name = 'AnswerError';
    this.status = status;
    this.detail = detail;
  }
}

export interface Client {
  /** The JSON of a GET on the origin. Rejects with AnswerError, or with an Error when nothing answers. */
  get(path: string): Promise<unknown>;
  /** A DELETE at the writer, which alone changes the database. Rejects as `get` does. */
  removeAtWriter(path: string): Promise<void>;
  /** Posts messages under one signature. Resolves when all of them are acknowledged; rejects as `get` does. */
  deliver(messages: readonly Message[]): Promise<void>;
}

async function detailOf(response: Response): Promise<string> {
  if (response.status === 401 && response.headers.has('www-authenticate'))
    return 'API_TOKEN is missing, or not that of the service';
  const text = await response.text();
  try {
    const { detail = '', errors = [] } = JSON.parse(text) as {
      detail?: string;
      errors?: { path: string; message: string }[];
    };
    return [detail, ...errors.map(({ path, message }) => `${path} ${message}`)].join(' ').trim();
  } catch {
    return '';
  }
}

async function request(url: string, hint: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  } catch {
    throw new Error(`nothing answers at ${new URL(url).origin}: ${hint}`);
  }
  if (response.ok) return response;
  const { pathname } = new URL(url);
  throw new AnswerError(`${init.method ?? 'GET'} ${pathname}`, response.status, await detailOf(response));
}

export function createClient({ origin, writer, token, secret, hints }: ClientOptions): Client {
  const authorization: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` };
  return {
    async get(path) {
      return (await request(`${origin}${path}`, hints.origin, { headers: authorization })).json();
    },
    async removeAtWriter(path) {
      await request(`${writer}${path}`, hints.writer, { method: 'DELETE', headers: authorization });
    },
    async deliver(messages) {
      const isSingle = messages.length === 1;
      const body = JSON.stringify(isSingle ? messages[0] : messages);
      const signature = createHmac('sha256', secret()).update(body).digest('hex');
      await request(`${origin}${isSingle ? '/webhook' : '/webhook/batch'}`, hints.origin, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-signature': signature },
        body,
      });
    },
  };
}
