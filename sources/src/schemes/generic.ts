/** A provider's HMAC as the sources file describes it: Zendesk, HubSpot, Intercom, Bitbucket, Gitea and others. */
import { bytesOf, secondsText, utf8 } from '../bytes.js';
import { dedupHeaders, dedupId, headerName } from '../dedup.js';
import { createMac, DIGEST_BYTES } from '../hmac.js';
import { decode, MALFORMED, only, readTimeMs, signature } from '../read.js';
import type { GenericSignature, Scheme, SchemeSettings } from '../source.js';
import { signedUrl } from '../url.js';
import { createVerifier, hmacCheck, type SignedText } from '../verify.js';

const BODY = '{body}';

/** The text of `signed`, with all that stands in braces. */
export function fieldsOf({ signed = BODY }: GenericSignature): string[] {
  return signed.match(/\{[^{}]*\}/g) ?? [];
}

function signatureOf({ signature: found }: SchemeSettings): GenericSignature {
  if (found === undefined) throw new Error('a generic source has a signature');
  return found;
}

function keyBytes(secret: string, { key }: GenericSignature): Buffer | undefined {
  return key === 'utf8' ? utf8(secret) : decode(secret, key);
}

function readKey(secret: string, settings: GenericSignature): Buffer {
  const bytes = keyBytes(secret, settings);
  if (bytes === undefined) throw new Error(`must be ${settings.key}`);
  return bytes;
}

/** The text around a body, with everything in its place. */
function textAround(settings: SchemeSettings) {
  const [before = '', after = ''] = (signatureOf(settings).signed ?? BODY).split(BODY);
  return (body: Buffer, values: { timestamp: string; url: string; method: string }): SignedText => {
    const fill = (text: string): string =>
      text.replace(/\{(timestamp|url|method)\}/g, (_, name: 'timestamp' | 'url' | 'method') => values[name]);
    return [body, fill(before), fill(after)];
  };
}

function timeText(nowMs: number, unit: 's' | 'ms' | 'iso'): string {
  if (unit === 'iso') return new Date(nowMs).toISOString();
  return unit === 's' ? secondsText(nowMs) : String(nowMs);
}

export const generic: Scheme = {
  headers(settings) {
    const { header, timestamp } = signatureOf(settings);
    const names = timestamp === undefined ? [header] : [header, timestamp.header];
    return names.map(headerName);
  },
  keeps: dedupHeaders,
  toleranceSeconds: ({ signature: found }) => (found?.timestamp === undefined ? undefined : 300),
  preset: 'raw',
  signsUrl: (settings) => fieldsOf(signatureOf(settings)).includes('{url}'),
  keyFault: (secret, { signature: found }) =>
    found === undefined || keyBytes(secret, found) !== undefined
      ? undefined
      : `must be ${found.key}, as "key" of the signature says`,
  verifier(settings, keys) {
    const found = signatureOf(settings);
    const { prefix = '', algorithm, encoding, timestamp } = found;
    const text = textAround(settings);
    const header = headerName(found.header);
    return createVerifier(
      {
        read({ headers, body, method, url: requestUrl }) {
          const value = only(headers, header);
          if (typeof value !== 'string') return value;
          const time = timestamp === undefined ? '' : only(headers, headerName(timestamp.header));
          if (typeof time !== 'string') return time;
          const signatures = signature(value, prefix, encoding, DIGEST_BYTES[algorithm]);
          if ('reason' in signatures) return signatures;
          const url = signedUrl(settings, requestUrl);
          const claim = { signatures, texts: [text(body, { timestamp: time, url, method })] };
          if (timestamp === undefined) return claim;
          const signedAtMs = readTimeMs(time, timestamp.unit);
          return signedAtMs === undefined ? MALFORMED : { ...claim, signedAtMs };
        },
        check: (secret) => hmacCheck(algorithm, readKey(secret, found)),
        toleranceSeconds: settings.toleranceSeconds,
      },
      keys,
    );
  },
  signer(settings, secret) {
    const found = signatureOf(settings);
    const { prefix = '', algorithm, encoding, timestamp } = found;
    const text = textAround(settings);
    const mac = createMac(algorithm, readKey(secret, found));
    return ({ body, url: requestUrl = '', method = 'POST', nowMs = Date.now(), deliveryId }) => {
      const time = timestamp === undefined ? '' : timeText(nowMs, timestamp.unit);
      const url = signedUrl(settings, requestUrl);
      const signed = mac(...text(bytesOf(body), { timestamp: time, url, method })).toString(encoding);
      const [idHeader] = dedupHeaders(settings);
      return {
        [headerName(found.header)]: prefix + signed,
        ...(timestamp === undefined ? {} : { [headerName(timestamp.header)]: time }),
        ...(idHeader === undefined || deliveryId === undefined ? {} : { [idHeader]: deliveryId }),
      };
    };
  },
  deliveryId: dedupId,
  idIsSigned: ({ dedup }) => dedup === undefined || 'body' in dedup,
};
