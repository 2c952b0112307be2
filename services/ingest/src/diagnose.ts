/**
 * Finds out what a rejected delivery came close to, so that an operator sees what to correct. Each finding is a
 * signature that is right for something that differs a little from what came.
 */
import type { NearMiss } from '@lyftr/shared/sources';
import { SCHEMES } from '@lyftr/sources/schemes';
import {
  SCHEME_NAMES,
  type Refused,
  type SignedRequest,
  type Source,
  type Verdict,
} from '@lyftr/sources/source';
import * as variants from './variants.js';

/** Bytes that the search for one near miss may hash. Forgeries must stay cheap. */
const HASHED_BYTES_MAX = 4 * 1024 * 1024;
/** What a signature costs at least, in bytes of a body: one with a public key takes as long as so many. */
const HASHED_BYTES_MIN = 16 * 1024;

export interface Rejected {
  source: Source;
  /** With every header of the request. */
  request: SignedRequest;
  refused: Refused;
}

export interface Diagnosis {
  near: NearMiss | null;
  /** With `clock`: the age of the signed time, negative when it is ahead. */
  seconds?: number;
  /** With `retired-key`: its id. */
  key?: string;
}

const NOTHING: Diagnosis = { near: null };

/** The headers of each scheme whose headers do not depend on its settings. */
const OF_SCHEMES = SCHEME_NAMES.filter((name) => name !== 'generic' && name !== 'token').flatMap((name) => {
  const scheme = SCHEMES[name];
  const kept = scheme.keeps?.({}) ?? [];
  return scheme.headers({}).filter((header) => !kept.includes(header));
});

/** What carries the signature of a source, without what is kept of a delivery. */
const signatureHeaders = ({ headers, kept }: Source): string[] =>
  headers.filter((header) => !kept.includes(header));

const hasOneOf = ({ headers }: SignedRequest, names: readonly string[]): boolean =>
  names.some((name) => headers[name] !== undefined);

class Search {
  private readonly source: Source;
  private readonly request: SignedRequest;
  private readonly sources: readonly Source[];
  private hashedBytes = 0;

  constructor({ source, request }: Rejected, sources: readonly Source[]) {
    this.source = source;
    this.request = request;
    this.sources = sources;
  }

  /** Undefined when the signature is wrong, or enough was tried. */
  private try(verify: () => Verdict, { body }: SignedRequest): Verdict | undefined {
    const bytes = Math.max(body.length, HASHED_BYTES_MIN) * this.source.keys.length;
    if (this.hashedBytes + bytes > HASHED_BYTES_MAX) return undefined;
    this.hashedBytes += bytes;
    try {
      const verdict = verify();
      // a right signature may be old by the time that somebody looks for the reason
      return 'ok' in verdict || verdict.reason === 'time' ? verdict : undefined;
    } catch {
      // a scheme that throws has accepted nothing
      return undefined;
    }
  }

  private isSigned(changes: Iterable<Partial<SignedRequest>>): boolean {
    for (const change of changes) {
      const request = { ...this.request, ...change };
      if (this.try(() => this.source.verify(request), request) !== undefined) return true;
    }
    return false;
  }

  retiredKey(): Diagnosis | undefined {
    if (this.source.keys.every(({ retired }) => !retired)) return undefined;
    const verdict = this.try(() => this.source.verifyRetired(this.request), this.request);
    if (verdict === undefined) return undefined;
    return { near: 'retired-key', ...('ok' in verdict ? { key: verdict.ok.keyId } : {}) };
  }

  otherSource(): Diagnosis | undefined {
    const others = this.sources.filter(
      (other) => other.name !== this.source.name && hasOneOf(this.request, signatureHeaders(other)),
    );
    const isTheirs = others.some(
      (other) => this.try(() => other.verify(this.request), this.request) !== undefined,
    );
    return isTheirs ? { near: 'other-source' } : undefined;
  }

  otherScheme(): Diagnosis | undefined {
    if (hasOneOf(this.request, signatureHeaders(this.source))) return undefined;
    const names = [...OF_SCHEMES, ...this.sources.flatMap(signatureHeaders)];
    return hasOneOf(this.request, names) ? { near: 'other-scheme' } : undefined;
  }

  body(): Diagnosis | undefined {
    const { body, headers } = this.request;
    const bodies = (all: Iterable<Buffer>) => Array.from(all, (each) => ({ body: each }));
    if (this.isSigned(bodies(variants.finalNewlines(body)))) return { near: 'trailing-newline' };
    if (this.isSigned(bodies(variants.reserialized(body)))) return { near: 'reserialized-json' };
    const encoded = variants.encodings(headers, signatureHeaders(this.source));
    const isEncoding =
      this.isSigned(encoded.map((each) => ({ headers: each }))) ||
      this.isSigned(bodies(variants.characterSets(body)));
    return isEncoding ? { near: 'encoding' } : undefined;
  }

  url(): Diagnosis | undefined {
    const { verifyAt, url } = this.source;
    if (verifyAt === undefined || url === undefined) return undefined;
    const { headers, url: requestUrl } = this.request;
    const host = headers['host'];
    const addresses = variants.addresses(url, typeof host === 'string' ? host : undefined, requestUrl);
    const requests = variants.queries(requestUrl).map((each) => ({ ...this.request, url: each }));
    const isSigned = addresses.some((address) =>
      requests.some((request) => this.try(() => verifyAt(address, request), request) !== undefined),
    );
    return isSigned ? { near: 'url' } : undefined;
  }
}

/**
 * `isThorough`: when it is false, nothing is hashed. `sources`: all of them. The time that this takes grows with the body,
 * up to some 20 ms.
 */
export function diagnose(
  rejected: Rejected,
  { sources, isThorough }: { sources: readonly Source[]; isThorough: boolean },
): Diagnosis {
  const { reason, ageSeconds } = rejected.refused;
  if (reason === 'time')
    return { near: 'clock', ...(ageSeconds === undefined ? {} : { seconds: ageSeconds }) };
  const search = new Search(rejected, sources);
  if (!isThorough) return search.otherScheme() ?? NOTHING;
  const byHeaders = search.retiredKey() ?? search.otherSource() ?? search.otherScheme();
  if (byHeaders !== undefined) return byHeaders;
  // a signature that is missing or doubled is so for every body
  if (reason !== 'wrong' && reason !== 'malformed') return NOTHING;
  return search.body() ?? search.url() ?? NOTHING;
}
