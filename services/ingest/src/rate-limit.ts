/** How many deliveries a source may have in this process. */
import type { RateLimit, Source } from '@lyftr/sources/source';

type Clock = () => number;

/** Holds up to `burst` tokens, and gets `per_second` of them. */
export class TokenBucket {
  readonly limit: RateLimit;
  private readonly clock: Clock;
  private tokens: number;
  private filledAt: number;

  /** `clock` gives milliseconds. */
  constructor(limit: RateLimit, clock: Clock = () => performance.now()) {
    this.limit = limit;
    this.clock = clock;
    this.tokens = limit.burst;
    this.filledAt = clock();
  }

  /** Takes `count` tokens and returns 0; or takes none, and returns the seconds until there are so many. */
  take(count = 1): number {
    const { per_second: perSecond, burst } = this.limit;
    const now = this.clock();
    this.tokens = Math.min(burst, this.tokens + ((now - this.filledAt) / 1_000) * perSecond);
    this.filledAt = now;
    if (this.tokens < count) return (count - this.tokens) / perSecond;
    this.tokens -= count;
    return 0;
  }
}

export type Buckets = ReadonlyMap<string, TokenBucket>;

/** By the names of sources. A bucket of before goes on when its limit is the same. */
export function bucketsFor(sources: Iterable<Source>, before: Buckets): Buckets {
  const buckets = new Map<string, TokenBucket>();
  for (const { name, rateLimit } of sources) {
    if (rateLimit === undefined) continue;
    const old = before.get(name);
    const isSame = old?.limit.per_second === rateLimit.per_second && old.limit.burst === rateLimit.burst;
    buckets.set(name, isSame ? old : new TokenBucket(rateLimit));
  }
  return buckets;
}
