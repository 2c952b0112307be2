/** What Slack and Zoom have in common. */
import { utf8 } from '../bytes.js';
import { createMac, DIGEST_BYTES } from '../hmac.js';
import { hmacCheck } from '../verify.js';
import type { Timed } from './timed.js';

export const v0 = {
  prefix: 'v0=',
  encoding: 'hex',
  bytes: DIGEST_BYTES.sha256,
  text: (seconds, body) => [body, `v0:${seconds}:`],
  check: (secret) => hmacCheck('sha256', utf8(secret)),
  sign(secret) {
    const mac = createMac('sha256', utf8(secret));
    return (text) => mac(...text);
  },
} satisfies Omit<Timed, 'signature' | 'time'>;
