/** One question to `GET /messages`, as ours and the peer are both asked it. */

export interface Query {
  q?: string;
  from?: string;
  to?: string;
  /** Epoch seconds, inclusive. */
  since?: number;
  /** Epoch seconds, exclusive. */
  until?: number;
  order: 'asc' | 'desc';
  offset: number;
}

export const PAGE_LIMIT = 50;

const iso = (seconds: number): string => new Date(seconds * 1_000).toISOString();

/** Path and query of the request. */
export function pathOf({ q, from, to, since, until, order, offset }: Query): string {
  const parameters = new URLSearchParams({ limit: String(PAGE_LIMIT), offset: String(offset), order });
  if (q !== undefined) parameters.set('q', q);
  if (from !== undefined) parameters.set('from_', from);
  if (to !== undefined) parameters.set('to', to);
  if (since !== undefined) parameters.set('since', iso(since));
  if (until !== undefined) parameters.set('until', iso(until));
  return `/messages?${parameters.toString()}`;
}

/** What both answers are compared by. */
export interface Found {
  total: number;
  /** `message_id`s of the page, in order. */
  ids: string[];
}

export interface Stats {
  total: number;
  senders: number;
  /** Sender and number of messages, most first. */
  top: [string, number][];
}
