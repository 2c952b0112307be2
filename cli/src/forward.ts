/** Posts the deliveries behind stored messages to another program, such as one that is being developed. */
import type { Client } from '@lyftr/shared/client/client';
import type { SentDelivery } from '@lyftr/shared/sources';
import type { Sign } from '@lyftr/sources/source';
import type { ListedMessage } from './arrivals.js';
import { idHeaderOf } from './fresh.js';

export interface Forwarded {
  /** Undefined when there was no response. `error` then gives the reason. */
  status?: number;
  error?: string;
}

export interface ForwarderOptions {
  client: Client;
  target: string;
  /** The signer of a source. Undefined: forward without a signature. Rejects when there is none. */
  signerOf?: ((source: string) => Promise<Sign>) | undefined;
  timeoutMs?: number;
}

type Delivery = Pick<
  SentDelivery,
  'source' | 'verified_at' | 'content_type' | 'headers' | 'body' | 'body_base64'
> & {
  sha256: string;
};

interface Outgoing {
  body: Buffer;
  headers: Record<string, string>;
}

const TIMEOUT_MS = 10_000;
const REMEMBERED_MAX = 10_000;

function reasonOf(error: unknown, timeoutMs: number): string {
  const { name, message, cause } = error as Error & { cause?: { code?: string } };
  return name === 'TimeoutError' ? `no response within ${timeoutMs / 1_000} s` : (cause?.code ?? message);
}

/**
 * Resolves with the response to the delivery of a message, or undefined when this delivery was sent with an earlier message.
 * A message without a delivery is sent as `GET /messages/{message_id}` returns it. Never rejects.
 */
export function createForwarder(
  options: ForwarderOptions,
): (message: ListedMessage) => Promise<Forwarded | undefined> {
  const { client, target, signerOf, timeoutMs = TIMEOUT_MS } = options;
  const sent = new Set<string>();

  function isFirst({ source, verified_at, sha256 }: Delivery): boolean {
    const key = [source, verified_at, sha256].join('\n');
    if (sent.has(key)) return false;
    sent.add(key);
    const [oldest] = sent;
    if (sent.size > REMEMBERED_MAX && oldest !== undefined) sent.delete(oldest);
    return true;
  }

  async function outgoing(delivery: Delivery): Promise<Outgoing> {
    const { source, content_type, headers, body, body_base64 } = delivery;
    const bytes = body === undefined ? Buffer.from(body_base64 ?? '', 'base64') : Buffer.from(body);
    const { pathname, search } = new URL(target);
    const sign = await signerOf?.(source);
    const deliveryId = idHeaderOf(headers);
    const id = deliveryId === undefined ? {} : { deliveryId };
    const signature = sign?.({ body: bytes, url: pathname + search, ...id }) ?? {};
    const type = content_type === '' ? {} : { 'content-type': content_type };
    return { body: bytes, headers: { ...signature, ...headers, ...type } };
  }

  async function read(id: string): Promise<Outgoing | undefined> {
    const path = `/messages/${encodeURIComponent(id)}`;
    const response = await client.fetch(path);
    const text = await response.text();
    if (!response.ok) throw new Error(`GET ${path} returned ${response.status}`);
    const { delivery } = JSON.parse(text) as { delivery?: Delivery };
    if (delivery === undefined)
      return { body: Buffer.from(text), headers: { 'content-type': 'application/json' } };
    return isFirst(delivery) ? outgoing(delivery) : undefined;
  }

  return async ({ message_id }) => {
    try {
      const request = await read(message_id);
      if (request === undefined) return undefined;
      const response = await fetch(target, {
        method: 'POST',
        headers: request.headers,
        body: new Uint8Array(request.body),
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      });
      await response.body?.cancel();
      return { status: response.status };
    } catch (error) {
      return { error: reasonOf(error, timeoutMs) };
    }
  };
}
