/**
 * Slack: `x-slack-signature` is `v0=` and the HMAC-SHA256 of `v0:`, the time, a colon and the body in hex. Events are JSON;
 * commands are a form, and interactions are a form whose `payload` is JSON.
 * https://docs.slack.dev/authentication/verifying-requests-from-slack
 */
import { atPointer, idIn, jsonObject } from '../read.js';
import { timed } from '../shapes/timed.js';
import { v0 } from '../shapes/v0.js';
import type { Scheme } from '../source.js';

export const slack: Scheme = {
  ...timed({ ...v0, signature: 'x-slack-signature', time: 'x-slack-request-timestamp' }),
  toleranceSeconds: () => 300,
  preset: 'slack',
  answer: { status: 200, body: '' },
  deliveryId({ body }) {
    const event = jsonObject(body);
    if (event !== undefined) return idIn(event['event_id']) ?? idIn(event['trigger_id']);
    const form = new URLSearchParams(body.toString('utf8'));
    const payload = jsonObject(Buffer.from(form.get('payload') ?? ''));
    return idIn(form.get('trigger_id')) ?? idIn(atPointer(payload, '/trigger_id'));
  },
  idIsSigned: () => true,
  handshake(body) {
    const event = jsonObject(body);
    const challenge = event?.['challenge'];
    if (event?.['type'] !== 'url_verification' || typeof challenge !== 'string') return undefined;
    return { status: 200, type: 'application/json', body: JSON.stringify({ challenge }) };
  },
};
