/** What a sender is to Lyftr: a source with a scheme and keys. A scheme verifies deliveries, and signs them for tests and replays. */

export const SCHEME_NAMES = [
  'lyftr',
  'standard-webhooks',
  'github',
  'meta',
  'stripe',
  'slack',
  'shopify',
  'paddle',
  'linear',
  'square',
  'twilio',
  'zoom',
  'discord',
  'sendgrid',
  'token',
  'generic',
] as const;
export type SchemeName = (typeof SCHEME_NAMES)[number];

export const PRESETS = ['raw', 'whatsapp', 'github', 'stripe', 'shopify', 'slack', 'twilio'] as const;
export type Preset = (typeof PRESETS)[number];

export interface Key {
  /** Named in diagnoses and metrics. */
  id: string;
  /** The text that the provider shows. */
  secret: string;
}

/** By name in lower case. A header that occurs more than once has an array. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A request as a scheme sees it. */
export interface SignedRequest {
  method: string;
  /** Path and query as they came. */
  url: string;
  headers: Headers;
  /** The bytes as they came. */
  body: Buffer;
  nowMs: number;
}

export interface Verified {
  ok: {
    keyId: string;
    /** The time that is signed, where one is. */
    signedAtMs?: number;
  };
}

/**
 * `doubled`: something that must occur once occurs more often. `time`: the signature is right, and its time is outside
 * the tolerance.
 */
export type Reason = 'missing' | 'doubled' | 'malformed' | 'time' | 'wrong';

export interface Refused {
  reason: Reason;
  /** With `time`: the age of the signed time, negative when it is ahead. */
  ageSeconds?: number;
}

export type Verdict = Verified | Refused;
export type Verify = (request: SignedRequest) => Verdict;

/** What is to be signed. What is not given is made up. */
export interface Unsigned {
  body: Buffer | string;
  /** Path and query. */
  url?: string;
  method?: string;
  nowMs?: number;
  /** The provider's id of the delivery. */
  deliveryId?: string;
}

/** Returns the headers to send with the body, by name in lower case. */
export type Sign = (delivery: Unsigned) => Record<string, string>;

/** What a provider takes for "received, and nothing to say". */
export interface Answer {
  status: 200 | 204;
  type?: string;
  body: string;
}

export interface GenericSignature {
  header: string;
  prefix?: string;
  algorithm: 'sha256' | 'sha512' | 'sha1';
  encoding: 'hex' | 'base64';
  key: 'utf8' | 'base64' | 'hex';
  /** Text around `{body}`, with `{timestamp}`, `{url}` and `{method}`; `{body}` when it is not given. */
  signed?: string;
  timestamp?: { header: string; unit: 's' | 'ms' | 'iso' };
}

/** Members of the sources file that schemes read. */
export interface SchemeSettings {
  /** The address as it stands at the provider. */
  url?: string | undefined;
  toleranceSeconds?: number | undefined;
  signature?: GenericSignature | undefined;
  token?: { header: string } | undefined;
  dedup?: { header: string } | { body: string } | undefined;
}

export interface Scheme {
  /** The headers that carry the signature and what is signed with it, in lower case. */
  headers(settings: SchemeSettings): readonly string[];
  /** Headers that say what a delivery is: its id, its kind. They are kept for the mapping. */
  keeps?(settings: SchemeSettings): readonly string[];
  /** Where a time is signed. */
  toleranceSeconds?(settings: SchemeSettings): number | undefined;
  /** Undefined: a body is a message or an array of them. */
  preset: Preset | undefined;
  bytesMax?: number;
  answer?: Answer;
  /** True where `url` is signed. */
  signsUrl?(settings: SchemeSettings): boolean;
  /** True for a key with which a provider's signatures are checked, and which signs nothing. */
  isPublicKey?(secret: string): boolean;
  /** What is wrong with a key, without repeating it. */
  keyFault?(secret: string, settings: SchemeSettings): string | undefined;
  verifier(settings: SchemeSettings, keys: readonly Key[]): Verify;
  /** `secret` is a private key where the provider has one. */
  signer(settings: SchemeSettings, secret: string): Sign;
  /** The id of a verified delivery. Undefined: it has none, and the SHA-256 of its body stands for it. */
  deliveryId?(request: SignedRequest, settings: SchemeSettings): string | undefined;
  idIsSigned(settings: SchemeSettings): boolean;
  /** The answer to a request that only asks whether this is the right place. `secret` is the key that verified it. */
  handshake?(body: Buffer, secret: string): Answer | undefined;
}

export type Mapping = Preset | { jsonata: string };

export interface RateLimit {
  per_second: number;
  burst: number;
}

/** One source of the sources file, with its keys read and its defaults filled in. It holds secrets. */
export interface SourceSettings extends SchemeSettings {
  name: string;
  scheme: SchemeName;
  keys: readonly (Key & { retired?: boolean })[];
  mapping?: Mapping | undefined;
  bytesMax?: number | undefined;
  rateLimit?: RateLimit | undefined;
  verifyToken?: string | undefined;
  /** More headers to keep for the mapping. */
  headers?: readonly string[] | undefined;
}

/** A source that is ready to work. Its keys cannot be read from it. */
export interface Source {
  readonly name: string;
  readonly scheme: SchemeName;
  readonly keys: readonly { id: string; retired: boolean }[];
  /** What is collected of a request, by names in lower case: what its scheme reads, and what is kept. */
  readonly headers: readonly string[];
  /** Those of them that are kept with a delivery. */
  readonly kept: readonly string[];
  /** Undefined: a body is a message or an array of them. */
  readonly mapping: Mapping | undefined;
  /** Undefined: `MAX_BODY_BYTES`. */
  readonly bytesMax: number | undefined;
  readonly rateLimit: RateLimit | undefined;
  /** Whether a captured delivery can be sent again under an invented id. */
  readonly idIsSigned: boolean;
  /** To a delivery that is in Redis. */
  readonly answer: Answer;
  verify(request: SignedRequest): Verdict;
  /** The same with the retired keys, for diagnoses. */
  verifyRetired(request: SignedRequest): Verdict;
  /** The same as if `url` were its address at the provider, for diagnoses. Undefined where no address is signed. */
  readonly verifyAt: ((url: string, request: SignedRequest) => Verdict) | undefined;
  /** The address as it stands at the provider. Undefined where none is signed. */
  readonly url: string | undefined;
  /** Of a verified delivery. */
  deliveryId(request: SignedRequest): string;
  /** The answer to a verified request that is only a handshake, and is not stored. */
  handshake(body: Buffer, keyId: string): Answer | undefined;
  /** The answer to `GET` with this path and query, with 401 for a wrong token; undefined where there is no such handshake. */
  readonly challenge: ((url: string) => string | undefined) | undefined;
  /** Signs with the first key that is not retired. Throws where that is a public key. */
  signer(): Sign;
}
