/** A running system as a command speaks to it: its origin, its writer, and every failure as one line for a person. */
import { createHmac } from 'node:crypto';
import type { Message } from '@lyftr/shared/message';
import type { ClientConfig } from './config.js';
import { findSecret } from './secret.js';

const REQUEST_TIMEOUT_MS = 10_000;

export interface ClientOptions {
  /** Origin of the system; `PORT` on this machine when it is not given. */
  url?: string;
  /** Origin of the writer; `WRITER_PORT` on this machine when it is not given. */
  writerUrl?: string;
}

/** An answer that is no success. `message` is for a person, and holds the service's own words. */
export class AnswerError extends Error {
  readonly status: number;

  constructor(what: string, status: number, detail: string) {
    super(`${what} answers ${status}${detail === '' ? '' : `: ${detail}`}`);
    this.name = 'AnswerError';
    this.status = status;
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

export function createClient(config: ClientConfig, options: ClientOptions): Client {
  const origin = options.url ?? `http://127.0.0.1:${config.PORT}`;
  const writer = options.writerUrl ?? `http://127.0.0.1:${config.WRITER_PORT}`;
  const token: Record<string, string> =
    config.API_TOKEN === undefined ? {} : { authorization: `Bearer ${config.API_TOKEN}` };
  const originHint = 'start it with `lyftr up`, or name it with --url';

  return {
    async get(path) {
      return (await request(`${origin}${path}`, originHint, { headers: token })).json();
    },
    async removeAtWriter(path) {
      const hint = 'the writer does not run there, or name it with --writer-url';
      await request(`${writer}${path}`, hint, { method: 'DELETE', headers: token });
    },
    async deliver(messages) {
      const isSingle = messages.length === 1;
      const body = JSON.stringify(isSingle ? messages[0] : messages);
      const signature = createHmac('sha256', findSecret(config)).update(body).digest('hex');
      await request(`${origin}${isSingle ? '/webhook' : '/webhook/batch'}`, originHint, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-signature': signature },
        body,
      });
    },
  };
}
