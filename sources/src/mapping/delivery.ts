/** What goes into a mapping, and what comes out of it. */
import type { Headers, SchemeName } from '../source.js';

/** A verified delivery. */
export interface Delivery {
  source: string;
  scheme: SchemeName;
  /** `""` when there was none. */
  contentType: string;
  /** Those that are kept, by name in lower case. */
  headers: Headers;
  /** The bytes as they came. */
  body: Buffer;
  /** The id as the scheme has it; the SHA-256 of the body when it has none. */
  id: string;
  signedAtMs?: number | undefined;
  verifiedAtMs: number;
}

export interface MappedMessage {
  message_id: string;
  from: string;
  to: string;
  /** Epoch seconds. */
  ts: number;
  text: string;
  /** The JSON text of an object. */
  extra?: string;
  /**
   * True when the event has no time of its own, and `ts` is when the delivery was signed or verified. A redelivery has
   * another `ts`, so such a message is compared without it.
   */
  tsIsOfDelivery: boolean;
}

export interface Mapped {
  messages: MappedMessage[];
  /** JSON pointers into the body that had no rule; `""` is the whole body. Up to `LEFTOVERS_MAX`. */
  leftovers: string[];
  /** Why, where a pointer does not say it. */
  fault?: string;
  /** True when an expression was ended because it took too much time or memory. */
  isOverLimit?: boolean;
}

/** A message that has not been checked yet. */
export interface Draft {
  /** Where in the body it was found. */
  pointer: string;
  id: string | undefined;
  from: string | undefined;
  to: string | undefined;
  /** Epoch seconds of the event. Undefined: it has none. */
  ts?: number | undefined;
  text: string | undefined;
  extra?: string | undefined;
}

export interface Found {
  drafts: Draft[];
  leftovers: string[];
  fault?: string;
  isOverLimit?: boolean;
}

/** Never throws, whatever the body is. */
export type FindMessages = (delivery: Delivery) => Found;

/** The rule of those that make one message of a whole delivery. */
export const asOne =
  (read: (delivery: Delivery) => Omit<Draft, 'pointer'>): FindMessages =>
  (delivery) => ({ drafts: [{ pointer: '', ...read(delivery) }], leftovers: [] });

/** The value of a kept header; undefined when there is none. */
export function header({ headers }: Delivery, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = headers[name];
    const first = typeof value === 'string' ? value : value?.[0];
    if (first !== undefined && first !== '') return first;
  }
  return undefined;
}
