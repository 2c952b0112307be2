/**
 * Paddle: `paddle-signature` is `ts=SECONDS;h1=HEX`, where `h1` is the HMAC-SHA256 of the time, a colon and the body. While
 * a secret is rotated there are several `h1`. https://developer.paddle.com/webhooks/signature-verification
 */
import { idIn, jsonObject } from '../read.js';
import { list } from '../shapes/list.js';
import type { Scheme } from '../source.js';

const HEADER = 'paddle-signature';

export const paddle: Scheme = {
  ...list({ header: HEADER, separator: ';', time: 'ts', signature: 'h1', joint: ':' }),
  headers: () => [HEADER],
  toleranceSeconds: () => 5,
  preset: 'raw',
  deliveryId: ({ body }) => idIn(jsonObject(body)?.['event_id']),
  idIsSigned: () => true,
};
