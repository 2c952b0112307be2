/**
 * Shopify: `x-shopify-hmac-sha256`, in newer versions without `x-`, is the HMAC-SHA256 of the body in base64. The id of the
 * delivery, `x-shopify-webhook-id`, is not signed. https://shopify.dev/docs/apps/build/webhooks/verify-deliveries
 */
import { randomUUID } from 'node:crypto';
import { family } from '../read.js';
import { plain } from '../shapes/plain.js';
import type { Scheme } from '../source.js';

const PREFIXES = ['x-shopify-', 'shopify-'] as const;
const SIGNATURE = 'hmac-sha256';
const KEPT = ['webhook-id', 'topic', 'shop-domain'];

const withPrefixes = (names: readonly string[]): string[] =>
  PREFIXES.flatMap((prefix) => names.map((name) => prefix + name));

const signed = plain({
  header: PREFIXES[0] + SIGNATURE,
  read(headers) {
    const found = family(headers, PREFIXES, [SIGNATURE]);
    return 'reason' in found ? found : found[SIGNATURE];
  },
  encoding: 'base64',
});

export const shopify: Scheme = {
  ...signed,
  headers: () => withPrefixes([SIGNATURE]),
  keeps: () => withPrefixes(KEPT),
  preset: 'shopify',
  signer(settings, secret) {
    const sign = signed.signer(settings, secret);
    return (delivery) => ({
      ...sign(delivery),
      [`${PREFIXES[0]}webhook-id`]: delivery.deliveryId ?? randomUUID(),
    });
  },
  deliveryId: ({ headers }) =>
    PREFIXES.map((prefix) => headers[`${prefix}webhook-id`] as string | undefined).find(
      (id) => id !== undefined,
    ),
  idIsSigned: () => false,
};
