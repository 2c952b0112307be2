import { atPointer, idIn, jsonObject } from './read.js';
import type { SchemeSettings, SignedRequest } from './source.js';

/** Names in the sources file are written as their provider writes them. */
export const headerName = (name: string): string => name.toLowerCase();

export function dedupHeaders({ dedup }: SchemeSettings): string[] {
  return dedup !== undefined && 'header' in dedup ? [headerName(dedup.header)] : [];
}

/** What `dedup` names; undefined when it is not there. */
export function dedupId({ headers, body }: SignedRequest, { dedup }: SchemeSettings): string | undefined {
  if (dedup === undefined) return undefined;
  if ('header' in dedup) return headers[headerName(dedup.header)] as string | undefined;
  return idIn(atPointer(jsonObject(body), dedup.body));
}
