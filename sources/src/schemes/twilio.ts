/**
 * Twilio: `x-twilio-signature` is the HMAC-SHA1 of the address with its query and of every name and value of the form, in
 * base64. Names are sorted, and the values of one name are a sorted set. There are no separators, so a field can hide in
 * another one without a change of what is signed. A body that is no form has its SHA-256 in the query, as `bodySHA256`.
 * https://www.twilio.com/docs/usage/security#validating-requests
 */
import { isUtf8 } from 'node:buffer';
import { bytesOf, sha256Hex, utf8 } from '../bytes.js';
import { createMac, DIGEST_BYTES } from '../hmac.js';
import { DOUBLED, MALFORMED, only, signature, WRONG } from '../read.js';
import type { Refused, Scheme } from '../source.js';
import { queryOf, signedUrl, withPort } from '../url.js';
import { createVerifier, hmacCheck } from '../verify.js';

const HEADER = 'x-twilio-signature';
const HEX_SHA256 = /^[0-9a-f]{64}$/i;

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** Throws URIError for an escape that stands for nothing. */
const unescapeForm = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));

/** Names and values of a form as they are signed; undefined when it is no form. */
function formText(body: Buffer): string | undefined {
  if (body.length === 0) return '';
  if (!isUtf8(body)) return undefined;
  const values = new Map<string, Set<string>>();
  try {
    for (const field of body.toString('utf8').split('&')) {
      if (field === '') continue;
      const equals = field.indexOf('=');
      const name = unescapeForm(equals === -1 ? field : field.slice(0, equals));
      const value = equals === -1 ? '' : unescapeForm(field.slice(equals + 1));
      values.set(name, (values.get(name) ?? new Set()).add(value));
    }
  } catch {
    return undefined;
  }
  const names = [...values.keys()].toSorted(byCodeUnits);
  return names
    .flatMap((name) =>
      [...(values.get(name) as Set<string>)].toSorted(byCodeUnits).map((value) => name + value),
    )
    .join('');
}

/** What is signed behind the address. */
function bodyText(body: Buffer, requestUrl: string): string | Refused {
  const [digest, another] = new URLSearchParams(queryOf(requestUrl)).getAll('bodySHA256');
  if (another !== undefined) return DOUBLED;
  if (digest === undefined) return formText(body) ?? MALFORMED;
  if (!HEX_SHA256.test(digest)) return MALFORMED;
  return digest.toLowerCase() === sha256Hex(body) ? '' : WRONG;
}

export const twilio: Scheme = {
  headers: () => [HEADER],
  signsUrl: () => true,
  preset: 'twilio',
  answer: { status: 200, type: 'text/xml', body: '<Response/>' },
  verifier: (settings, keys) =>
    createVerifier(
      {
        read({ headers, body, url }) {
          const value = only(headers, HEADER);
          if (typeof value !== 'string') return value;
          const signatures = signature(value, '', 'base64', DIGEST_BYTES.sha1);
          if ('reason' in signatures) return signatures;
          const text = bodyText(body, url);
          if (typeof text !== 'string') return text;
          const address = signedUrl(settings, url);
          const addresses = [address, withPort(address)].filter((each) => each !== undefined);
          return { signatures, texts: addresses.map((each) => [utf8(each + text)]) };
        },
        check: (secret) => hmacCheck('sha1', utf8(secret)),
      },
      keys,
    ),
  signer(settings, secret) {
    const mac = createMac('sha1', utf8(secret));
    return ({ body, url = '' }) => {
      const text = bodyText(bytesOf(body), url);
      if (typeof text !== 'string')
        throw new Error('Twilio signs forms, and other bodies by bodySHA256 in the query');
      return { [HEADER]: mac(utf8(signedUrl(settings, url) + text)).toString('base64') };
    };
  },
  deliveryId({ body, url }, settings) {
    const text = bodyText(body, url);
    return typeof text === 'string' ? sha256Hex(utf8(signedUrl(settings, url) + text)) : undefined;
  },
  idIsSigned: () => true,
};
