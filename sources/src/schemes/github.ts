/**
 * GitHub: `x-hub-signature-256` is `sha256=` and the HMAC-SHA256 of the body in hex. `x-github-delivery`, the id of the
 * delivery, is not signed. https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 */
import { randomUUID } from 'node:crypto';
import { plain } from '../shapes/plain.js';
import type { Scheme } from '../source.js';

export const HUB_SIGNATURE = 'x-hub-signature-256';
const DELIVERY = 'x-github-delivery';
const MIB = 1024 * 1024;

/** The part that Meta has too. */
export const hub = plain({ header: HUB_SIGNATURE, prefix: 'sha256=', encoding: 'hex' });

export const github: Scheme = {
  ...hub,
  headers: () => [HUB_SIGNATURE],
  keeps: () => [DELIVERY, 'x-github-event'],
  preset: 'github',
  bytesMax: 25 * MIB,
  signer(settings, secret) {
    const sign = hub.signer(settings, secret);
    return (delivery) => ({ ...sign(delivery), [DELIVERY]: delivery.deliveryId ?? randomUUID() });
  },
  deliveryId: ({ headers }) => headers[DELIVERY] as string | undefined,
  idIsSigned: () => false,
};
