import { createHash } from 'node:crypto';
import type { Delivery } from './delivery.js';

export const VERIFIED_AT = 1_767_229_200;

/** A delivery of the source `shop`. */
export function deliveryOf(body: unknown, rest: Partial<Delivery> = {}): Delivery {
  const bytes = Buffer.isBuffer(body)
    ? body
    : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return {
    source: 'shop',
    scheme: 'generic',
    contentType: 'application/json',
    headers: {},
    body: bytes,
    id: createHash('sha256').update(bytes).digest('hex'),
    verifiedAtMs: VERIFIED_AT * 1_000 + 999,
    ...rest,
  };
}

export const formOf = (fields: Record<string, string>): string => new URLSearchParams(fields).toString();

export const FORM = 'application/x-www-form-urlencoded';
