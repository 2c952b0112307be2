/** What a sender is to Lyftr: a source with a scheme and keys. A scheme signs deliveries and verifies them. */

export type SchemeName = 'lyftr';

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
    /** The provider's id of the delivery, where it has one. */
    deliveryId?: string;
  };
}

/** `doubled`: a header of the scheme occurs more than once. `time`: the signed time is outside the tolerance. */
export type Reason = 'missing' | 'doubled' | 'malformed' | 'time' | 'wrong';

export interface Refused {
  reason: Reason;
}

export type Verdict = Verified | Refused;
export type Verify = (request: SignedRequest) => Verdict;

/** What is to be signed. */
export interface Unsigned {
  body: Buffer | string;
}

/** Returns the headers to send with the body, by name in lower case. */
export type Sign = (delivery: Unsigned) => Record<string, string>;

export interface Scheme {
  /** The headers that it reads, in lower case. The parser of a request collects these and no others. */
  headers: readonly string[];
  verifier(keys: readonly Key[]): Verify;
  signer(secret: string): Sign;
}

export interface Source {
  readonly name: string;
  readonly scheme: SchemeName;
  /** Those of its scheme. */
  readonly headers: readonly string[];
  readonly verify: Verify;
}
