/** What ingest tells about sources through Redis. Query reads it. */

/** A delivery of a source that was verified before, in the body of `POST /deliveries`. */
export interface SentDelivery {
  source: string;
  scheme: string;
  key: string;
  id: string;
  /** ISO 8601. */
  verified_at: string;
  signed_at?: string;
  content_type: string;
  headers: Record<string, string>;
  /** One of the two: the text of the body, or its bytes when they are not UTF-8. */
  body?: string;
  body_base64?: string;
  /** True when it comes from an export file. */
  imported?: boolean;
}

/** List of Reject as JSON, the newest first. */
export const REJECTS_KEY = 'lyftr:rejects';
export const REJECTS_MAX = 1_000;

/** Hash: `source/key` → epoch milliseconds at which the key last verified a delivery. */
export const KEYS_USED_KEY = 'lyftr:sources:used';
export const keyUsedField = (source: string, key: string): string => `${source}/${key}`;

export function keyOfField(field: string): { source: string; key: string } {
  const slash = field.indexOf('/');
  return { source: field.slice(0, slash), key: field.slice(slash + 1) };
}

export const REJECT_REASONS = ['missing', 'doubled', 'malformed', 'time', 'wrong'] as const;
export type RejectReason = (typeof REJECT_REASONS)[number];

/** What a rejected delivery came close to. */
export const NEAR_MISSES = [
  'retired-key',
  'other-source',
  'clock',
  'trailing-newline',
  'reserialized-json',
  'other-scheme',
  'encoding',
  'url',
] as const;
export type NearMiss = (typeof NEAR_MISSES)[number];

/** A delivery whose signature was not accepted. */
export interface Reject {
  /** ISO 8601. */
  at: string;
  source: string;
  reason: RejectReason;
  near: NearMiss | null;
  /** With `clock`: how far the signed time is from the time of arrival, positive when it is in the past. */
  seconds?: number;
  /** With `retired-key`: its id. */
  key?: string;
  /** Size of the body. */
  bytes: number;
  /** Of the body, in hex. */
  sha256: string;
  request_id: string;
}
