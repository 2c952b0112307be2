/**
 * Stripe: `stripe-signature` is `t=SECONDS,v1=HEX`, where `v1` is the HMAC-SHA256 of the time, a full stop and the body.
 * While a secret is rotated there are several `v1`. https://docs.stripe.com/webhooks#verify-manually
 */
import { idIn, jsonObject } from '../read.js';
import { list } from '../shapes/list.js';
import type { Scheme } from '../source.js';

const HEADER = 'stripe-signature';

export const stripe: Scheme = {
  ...list({ header: HEADER, separator: ',', time: 't', signature: 'v1', joint: '.' }),
  headers: () => [HEADER],
  toleranceSeconds: () => 300,
  preset: 'stripe',
  deliveryId: ({ body }) => idIn(jsonObject(body)?.['id']),
  idIsSigned: () => true,
};
