/**
 * Linear: `linear-signature` is the HMAC-SHA256 of the body in hex. The body has the time, `webhookTimestamp` in milliseconds.
 * `linear-delivery`, the id of the delivery, is not signed. https://linear.app/developers/webhooks
 */
import { randomUUID } from 'node:crypto';
import { jsonObject } from '../read.js';
import { plain } from '../shapes/plain.js';
import type { Scheme } from '../source.js';

const HEADER = 'linear-signature';
const DELIVERY = 'linear-delivery';

const signed = plain({
  header: HEADER,
  encoding: 'hex',
  signedAtMs(body) {
    const time = jsonObject(body)?.['webhookTimestamp'];
    return typeof time === 'number' && Number.isSafeInteger(time) && time >= 0 ? time : undefined;
  },
});

export const linear: Scheme = {
  ...signed,
  headers: () => [HEADER],
  keeps: () => [DELIVERY],
  toleranceSeconds: () => 60,
  preset: 'raw',
  signer(settings, secret) {
    const sign = signed.signer(settings, secret);
    return (delivery) => ({ ...sign(delivery), [DELIVERY]: delivery.deliveryId ?? randomUUID() });
  },
  deliveryId: ({ headers }) => headers[DELIVERY] as string | undefined,
  idIsSigned: () => false,
};
