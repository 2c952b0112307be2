/**
 * Square: `x-square-hmacsha256-signature` is the HMAC-SHA256 of the address and the body in base64.
 * https://developer.squareup.com/docs/webhooks/step3validate
 */
import { idIn, jsonObject } from '../read.js';
import { plain } from '../shapes/plain.js';
import type { Scheme } from '../source.js';
import { signedUrl } from '../url.js';

const HEADER = 'x-square-hmacsha256-signature';

export const square: Scheme = {
  ...plain({
    header: HEADER,
    encoding: 'base64',
    text: (body, settings, url) => [body, signedUrl(settings, url)],
  }),
  headers: () => [HEADER],
  signsUrl: () => true,
  preset: 'raw',
  deliveryId: ({ body }) => idIn(jsonObject(body)?.['event_id']),
  idIsSigned: () => true,
};
