/** What more than one part of the system knows of sources. */

/** In an address and in front of a message id, so that it has no capital letter and no colon. */
export const SOURCE_NAME_PATTERN = '^(?!-)[a-z0-9-]{1,32}(?<!-)$';
/** `/webhook/batch` is a route of its own. */
export const RESERVED_SOURCE_NAME = 'batch';
export const KEY_ID_PATTERN = '^[A-Za-z0-9._-]{1,32}$';

const SOURCE_NAME = new RegExp(SOURCE_NAME_PATTERN);
export const isSourceName = (text: string): boolean =>
  SOURCE_NAME.test(text) && text !== RESERVED_SOURCE_NAME;

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

export interface KeyAnswer {
  id: string;
  retired: boolean;
  /** Deliveries that it verified. */
  used: number;
  /** ISO 8601, or null when it was never used. */
  last_used_at: string | null;
  /** Whether the sender uses another key now, and has not used this one for a long time. */
  safe_to_retire: boolean;
}

export interface SourceAnswer {
  name: string;
  scheme: string;
  /** Null when a body is a message or an array of messages. */
  mapping: string | { jsonata: string } | null;
  /** Whether the id of a delivery is signed. When it is not, a captured delivery can be sent again under another id. */
  id_signed: boolean;
  /** Deliveries. */
  accepted: number;
  rejected: number;
  last_accepted_at: string | null;
  keys: KeyAnswer[];
}

/** `GET /sources`. */
export interface SourcesAnswer {
  data: SourceAnswer[];
  /** When the file was read without a fault. */
  loaded_at: string;
  /** What was wrong with the file when it was read last. The sources above are then the old ones. */
  faults: string[];
}
