/** Deliveries of sources, as the database keeps them. */

/** What is kept of a delivery besides its source and its body. */
interface DeliveryHead {
  scheme: string;
  /** Id of the key that verified it. */
  key: string;
  /** As its sender named it, or the SHA-256 of its body. */
  id: string;
  /** Epoch milliseconds. */
  verified_at: number;
  /** Epoch milliseconds. Null when the scheme signs no time. */
  signed_at: number | null;
  /** `""` when the request had none. */
  content_type: string;
  /** The kept headers, by name in lower case. */
  headers: Record<string, string>;
  /** True when it came from an export file, and no key of its source verified it here. */
  imported: boolean;
}

export interface StoredDelivery extends DeliveryHead {
  source: string;
  /** The bytes as they came. */
  body: Buffer;
}

/** The delivery of a dead letter. Its body is the `raw` of the letter. */
export interface UnmappedDelivery extends DeliveryHead {
  /** `base64` when the body is not UTF-8, and `raw` is the base64 of its bytes. Null when `raw` is its text. */
  encoding: 'base64' | null;
  /** JSON pointers to the parts of the body that had no rule. `""` is the whole body. */
  pointers: string[];
}
