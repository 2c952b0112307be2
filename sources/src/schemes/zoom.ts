/**
 * Zoom: `x-zm-signature` is `v0=` and the HMAC-SHA256 of `v0:`, the time, a colon and the body in hex.
 * https://developers.zoom.us/docs/api/webhooks/#verify-webhook-events
 */
import { utf8 } from '../bytes.js';
import { createMac } from '../hmac.js';
import { atPointer, jsonObject } from '../read.js';
import { timed } from '../shapes/timed.js';
import { v0 } from '../shapes/v0.js';
import type { Scheme } from '../source.js';

export const zoom: Scheme = {
  ...timed({ ...v0, signature: 'x-zm-signature', time: 'x-zm-request-timestamp' }),
  toleranceSeconds: () => 300,
  preset: 'raw',
  idIsSigned: () => true,
  handshake(body, secret) {
    const event = jsonObject(body);
    const plainToken = atPointer(event, '/payload/plainToken');
    if (event?.['event'] !== 'endpoint.url_validation' || typeof plainToken !== 'string') return undefined;
    const encryptedToken = createMac('sha256', utf8(secret))(utf8(plainToken)).toString('hex');
    return { status: 200, type: 'application/json', body: JSON.stringify({ plainToken, encryptedToken }) };
  },
};
