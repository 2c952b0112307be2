/** The delivery of a source, in the forms in which readers receive it. */
import { createHash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import type { LetterDelivery } from '@lyftr/shared/client/replay';
import type { SentDelivery } from '@lyftr/shared/sources';
import type { StoredDelivery, UnmappedDelivery } from '@lyftr/store/delivery';

/** `delivery` in `GET /messages/{message_id}`. */
export interface DeliveryAnswer {
  source: string;
  scheme: string;
  /** Id of the key that verified it. */
  key: string;
  /** ISO 8601. */
  verified_at: string;
  content_type: string;
  /** The headers that are kept, by name in lower case. */
  headers: Record<string, string>;
  /** Size and SHA-256 (hex) of the body. */
  bytes: number;
  sha256: string;
  /** The exact body when it is UTF-8, otherwise `body_base64`. */
  body?: string;
  body_base64?: string;
  /** Present when it came from an export file, and no key of its source verified it here. */
  imported?: true;
}

const iso = (ms: number): string => new Date(ms).toISOString();

const bodyMembers = (body: Buffer): { body: string } | { body_base64: string } =>
  isUtf8(body) ? { body: body.toString('utf8') } : { body_base64: body.toString('base64') };

export function deliveryAnswer(delivery: StoredDelivery): DeliveryAnswer {
  const { source, scheme, key, verified_at, content_type, headers, body, imported } = delivery;
  return {
    source,
    scheme,
    key,
    verified_at: iso(verified_at),
    content_type,
    headers,
    bytes: body.length,
    sha256: createHash('sha256').update(body).digest('hex'),
    ...bodyMembers(body),
    ...(imported ? { imported } : {}),
  };
}

/** As `POST /deliveries` takes it, without its body. */
function sentHead(
  source: string,
  head: Omit<StoredDelivery, 'source' | 'body'>,
): Omit<SentDelivery, 'body' | 'body_base64'> {
  const { scheme, key, id, verified_at, signed_at, content_type, headers, imported } = head;
  return {
    source,
    scheme,
    key,
    id,
    verified_at: iso(verified_at),
    ...(signed_at === null ? {} : { signed_at: iso(signed_at) }),
    content_type,
    headers,
    ...(imported ? { imported } : {}),
  };
}

/** As an export file carries it. */
export const exportedDelivery = ({ source, body, ...head }: StoredDelivery): SentDelivery => ({
  ...sentHead(source, head),
  ...bodyMembers(body),
});

/** The delivery of a dead letter. Its body is the `raw` of the letter. */
export function letterDelivery(
  source: string,
  { encoding, pointers, ...head }: UnmappedDelivery,
): LetterDelivery {
  return { ...sentHead(source, head), ...(encoding === null ? {} : { encoding }), pointers };
}
