/** Schemes that have a list with a time and HMAC-SHA256s in one header: Stripe, Paddle. */
import { bytesOf, secondsText, utf8 } from '../bytes.js';
import { createMac, DIGEST_BYTES } from '../hmac.js';
import { DOUBLED, MALFORMED, only, readTimeMs, signatures } from '../read.js';
import type { Refused, Scheme } from '../source.js';
import { createVerifier, hmacCheck } from '../verify.js';

export interface List {
  header: string;
  separator: string;
  /** The names of the time and of a signature. A name that is neither belongs to a later version of the scheme. */
  time: string;
  signature: string;
  /** Stands between the time and the body. */
  joint: string;
}

function read(
  text: string,
  { separator, time, signature }: List,
): [time: string, signed: string[]] | Refused {
  const times: string[] = [];
  const signed: string[] = [];
  for (const part of text.split(separator)) {
    const equals = part.indexOf('=');
    if (equals <= 0 || /\s/.test(part)) return MALFORMED;
    const name = part.slice(0, equals);
    if (name === time) times.push(part.slice(equals + 1));
    else if (name === signature) signed.push(part.slice(equals + 1));
  }
  const [seconds, another] = times;
  if (another !== undefined) return DOUBLED;
  return seconds === undefined || signed.length === 0 ? MALFORMED : [seconds, signed];
}

export function list(shape: List): Pick<Scheme, 'verifier' | 'signer'> {
  const { header, separator, time, signature, joint } = shape;
  return {
    verifier: ({ toleranceSeconds }, keys) =>
      createVerifier(
        {
          read({ headers, body }) {
            const value = only(headers, header);
            if (typeof value !== 'string') return value;
            const parts = read(value, shape);
            if ('reason' in parts) return parts;
            const [seconds, signed] = parts;
            const signedAtMs = readTimeMs(seconds, 's');
            const given = signatures(signed, 'hex', DIGEST_BYTES.sha256);
            if ('reason' in given) return given;
            if (signedAtMs === undefined) return MALFORMED;
            return { signatures: given, texts: [[body, seconds + joint]], signedAtMs };
          },
          check: (secret) => hmacCheck('sha256', utf8(secret)),
          toleranceSeconds,
        },
        keys,
      ),
    signer(_settings, secret) {
      const mac = createMac('sha256', utf8(secret));
      return ({ body, nowMs = Date.now() }) => {
        const seconds = secondsText(nowMs);
        const signed = mac(bytesOf(body), seconds + joint).toString('hex');
        return { [header]: `${time}=${seconds}${separator}${signature}=${signed}` };
      };
    },
  };
}
