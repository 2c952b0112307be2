/** Random numbers that depend on a seed and a number alone, so that any part of a data set can be made by itself. */

/** Mixes 32 bits. It is a bijection: different numbers stay different. (lowbias32 of the hash-prospector project) */
export function mix32(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** xoroshiro64*: two words of state, a few integer operations a number. */
export class Random {
  private a: number;
  private b: number;

  constructor(seed: number, stream: number) {
    this.a = mix32(stream) ^ mix32(seed);
    // odd, so the state is never all zero
    this.b = mix32(stream ^ 0x9e3779b9) | 1;
    this.uint32();
  }

  uint32(): number {
    const result = Math.imul(this.a, 0x9e3779bb);
    const b = this.a ^ this.b;
    this.a = ((this.a << 26) | (this.a >>> 6)) ^ b ^ (b << 9);
    this.b = (b << 13) | (b >>> 19);
    return result >>> 0;
  }

  /** In [0, 1). */
  unit(): number {
    return this.uint32() / 2 ** 32;
  }

  /** An integer in [0, count). */
  below(count: number): number {
    return Math.floor(this.unit() * count);
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** A rank in [0, ranks) by Zipf's law: rank k comes about as often as 1 / (k + 1). */
  rank(ranks: number): number {
    return Math.floor(Math.exp(this.unit() * Math.log(ranks + 1))) - 1;
  }

  /** Normal with mean 0 and deviation 1 (Box and Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.unit())) * Math.cos(2 * Math.PI * this.unit());
  }
}
