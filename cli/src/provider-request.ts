/** Builds the request that a provider would send, and sends it. */
import { createHash } from 'node:crypto';
import { InvalidArgumentError } from 'commander';
import type { Client } from '@lyftr/shared/client/client';
import type { SchemeName } from '@lyftr/sources/source';
import type { SourceSigner } from './source-signer.js';

export interface ProviderDelivery {
  body: Buffer;
  /** Default: found from the scheme and the body. */
  contentType?: string | undefined;
  /** Query of the address at the provider, without `?`. */
  query?: string | undefined;
  /** Default: a new one, where the provider sends one in a header. */
  deliveryId?: string | undefined;
  /** More headers, by name in lower case. */
  headers?: Record<string, string> | undefined;
}

export interface ProviderRequest {
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

export interface ProviderAnswer {
  status: number;
  body: string;
}

const FORM = 'application/x-www-form-urlencoded';

function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString());
    return true;
  } catch {
    return false;
  }
}

function contentTypeOf(scheme: SchemeName, body: Buffer): string {
  if (isJson(body)) return 'application/json';
  return scheme === 'slack' || scheme === 'twilio' ? FORM : 'text/plain';
}

/** Twilio signs a body that is not a form by its digest in the query. */
function fullQuery(scheme: SchemeName, contentType: string, query: string, body: Buffer): string {
  if (scheme !== 'twilio' || contentType.startsWith(FORM) || query.includes('bodySHA256=')) return query;
  const digest = `bodySHA256=${createHash('sha256').update(body).digest('hex')}`;
  return query === '' ? digest : `${query}&${digest}`;
}

export const sourcePath = (name: string, query = ''): string =>
  query === '' ? `/webhook/${name}` : `/webhook/${name}?${query}`;

export function providerRequest(source: SourceSigner, delivery: ProviderDelivery): ProviderRequest {
  const { name, scheme, sign } = source;
  const { body, deliveryId, contentType = contentTypeOf(scheme, body), query = '', headers = {} } = delivery;
  const path = sourcePath(name, fullQuery(scheme, contentType, query, body));
  const signature = sign({ body, url: path, ...(deliveryId === undefined ? {} : { deliveryId }) });
  return { path, body, headers: { ...headers, 'content-type': contentType, ...signature } };
}

/** Rejects with AnswerError when the delivery is not acknowledged. */
export async function sendRequest(client: Client, request: ProviderRequest): Promise<ProviderAnswer> {
  const response = await client.postAs(request.path, request.body, request.headers);
  return { status: response.status, body: await response.text() };
}

/** Prints the answer to a delivery of a source. */
export function printAnswer(source: string, answer: ProviderAnswer, json: boolean): void {
  const text = `${answer.status} ${answer.body}`.trim();
  process.stdout.write(`${json ? JSON.stringify({ source, ...answer }) : text}\n`);
}

/** Parses a query option. */
export function queryText(value: string): string {
  const text = value.replace(/^\?/, '');
  if (!/^[!-~]*$/.test(text) || text.includes('#'))
    throw new InvalidArgumentError('It must be percent-encoded, such as a=1&b=%20.');
  return text;
}

/** Parses a header option, which may occur several times. */
export function headerText(value: string, before: Record<string, string> = {}): Record<string, string> {
  const [, name, text = ''] = /^([A-Za-z0-9-]+):\s*(\S.*)$/.exec(value) ?? [];
  if (name === undefined) throw new InvalidArgumentError('It must have the form "name: value".');
  return { ...before, [name.toLowerCase()]: text };
}
