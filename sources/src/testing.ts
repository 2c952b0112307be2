/** For tests: every scheme with its keys, and a delivery that its provider could send. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { openSigner, openSource } from './open.js';
import {
  SCHEME_NAMES,
  type SchemeName,
  type SchemeSettings,
  type SignedRequest,
  type Unsigned,
} from './source.js';

export const NOW_MS = 1_780_000_000_000;

/** One key pair, or one key that both sides have. */
export interface Pair {
  verifying: string;
  signing: string;
}

const same = (secret: string): Pair => ({ verifying: secret, signing: secret });

const der = (key: KeyObject, type: 'spki' | 'pkcs8'): Buffer =>
  key.export({ format: 'der', type: type as 'spki' });

function ed25519(): { verifying: Buffer; signing: Buffer } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return { verifying: der(publicKey, 'spki').subarray(-32), signing: der(privateKey, 'pkcs8').subarray(-32) };
}

export function whpk(): Pair {
  const { verifying, signing } = ed25519();
  return { verifying: `whpk_${verifying.toString('base64')}`, signing: `whsk_${signing.toString('base64')}` };
}

function discordKey(): Pair {
  const { verifying, signing } = ed25519();
  return { verifying: verifying.toString('hex'), signing: signing.toString('hex') };
}

function p256(): Pair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    verifying: der(publicKey, 'spki').toString('base64'),
    signing: der(privateKey, 'pkcs8').toString('base64'),
  };
}

const whsec = (): Pair => same(`whsec_${Buffer.from('0123456789abcdef01234567').toString('base64')}`);

export const ADDRESS = 'https://hooks.example.com/webhook/any';

const KEYS: Partial<Record<SchemeName, Pair>> = {
  'standard-webhooks': whsec(),
  discord: discordKey(),
  sendgrid: p256(),
};
const OTHER_KEYS: Partial<Record<SchemeName, Pair>> = {
  'standard-webhooks': same(`whsec_${Buffer.from('another one, of 24 bytes').toString('base64')}`),
  discord: discordKey(),
  sendgrid: p256(),
};
export const keyOf = (scheme: SchemeName): Pair => KEYS[scheme] ?? same('the key of a provider');
export const otherKeyOf = (scheme: SchemeName): Pair => OTHER_KEYS[scheme] ?? same('the key of another');

const SETTINGS: Partial<Record<SchemeName, SchemeSettings>> = {
  square: { url: ADDRESS },
  twilio: { url: ADDRESS },
  token: { token: { header: 'X-Gitlab-Token' } },
  generic: {
    url: ADDRESS,
    signature: {
      header: 'X-HubSpot-Signature-v3',
      algorithm: 'sha256',
      encoding: 'base64',
      key: 'utf8',
      signed: '{method}{url}{body}{timestamp}',
      timestamp: { header: 'X-HubSpot-Request-Timestamp', unit: 'ms' },
    },
  },
};
export const settingsOf = (scheme: SchemeName): SchemeSettings => SETTINGS[scheme] ?? {};

const BODIES: Partial<Record<SchemeName, string>> = {
  twilio:
    'MessageSid=SM1&From=%2B14155550100&To=%2B14155550101&Body=hello+there&MediaUrl=b&MediaUrl=a&MediaUrl=b',
  linear: JSON.stringify({ action: 'create', type: 'Issue', webhookTimestamp: NOW_MS }),
};
export const bodyOf = (scheme: SchemeName): Buffer =>
  Buffer.from(BODIES[scheme] ?? '{"id": "evt_1", "text": "two  spaces, é"}');

export const sourceOf = (scheme: SchemeName, { verifying }: Pair = keyOf(scheme)) =>
  openSource({ ...settingsOf(scheme), name: 'any', scheme, keys: [{ id: 'main', secret: verifying }] });

/** A request that the provider signed. */
export function requestOf(
  scheme: SchemeName,
  changes: Unsigned | { body?: Buffer } = {},
  { signing }: Pair = keyOf(scheme),
): SignedRequest {
  const body = bodyOf(scheme);
  const url = '/webhook/any?a=1&b=%2F';
  const delivery = { body, url, nowMs: NOW_MS, ...changes };
  const sign = openSigner({ ...settingsOf(scheme), name: 'any', scheme }, signing);
  return { method: 'POST', url, body, nowMs: NOW_MS, ...changes, headers: sign(delivery) } as SignedRequest;
}

/** The schemes that sign a time. */
export const TIMED: ReadonlySet<SchemeName> = new Set<SchemeName>([
  'standard-webhooks',
  'stripe',
  'slack',
  'paddle',
  'linear',
  'zoom',
  'discord',
  'sendgrid',
  'generic',
]);

export const SIGNING = SCHEME_NAMES.filter((name) => name !== 'token');
